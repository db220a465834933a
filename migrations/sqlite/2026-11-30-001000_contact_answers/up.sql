-- All answers to a message, as a JSON array of texts with their times (µs) and authors; `answer` is the latest of them. An
-- answer from before was sent at the last change of its message at the latest.
ALTER TABLE contact_messages ADD COLUMN answers TEXT NOT NULL DEFAULT '[]';
UPDATE contact_messages SET answers = json_array(json_object('text', answer, 'sent_at', updated_at)) WHERE answer <> '';
-- The address to which replies to answers go when the form is gone, or empty.
ALTER TABLE contact_messages ADD COLUMN desk TEXT NOT NULL DEFAULT '';
UPDATE contact_messages SET desk = COALESCE(
    (SELECT json_extract(definition, '$.recipients[0]') FROM contact_forms WHERE name = form), '');
