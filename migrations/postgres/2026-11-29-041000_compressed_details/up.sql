-- Long details are compressed from now on, better than the database does it; those of earlier versions stay as they are.
ALTER TABLE items ALTER COLUMN detail TYPE bytea USING convert_to(detail, 'UTF8');
ALTER TABLE items ALTER COLUMN detail SET STORAGE EXTERNAL;
