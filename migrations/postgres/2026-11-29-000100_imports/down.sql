DROP TABLE import_lines;
DROP TABLE import_parts;
DROP TABLE imports;
