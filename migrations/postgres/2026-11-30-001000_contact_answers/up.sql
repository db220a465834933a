-- All answers to a message, as a JSON array of texts with their times (µs) and authors; `answer` is the latest of them. An
-- answer from before was sent at the last change of its message at the latest.
ALTER TABLE contact_messages ADD COLUMN answers TEXT COLLATE "C" NOT NULL DEFAULT '[]';
UPDATE contact_messages SET answers = json_build_array(json_build_object('text', answer, 'sent_at', updated_at))::text
    WHERE answer <> '';
-- The address to which replies to answers go when the form is gone, or empty.
ALTER TABLE contact_messages ADD COLUMN desk TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE contact_messages SET desk = COALESCE(
    (SELECT definition::json #>> '{recipients,0}' FROM contact_forms WHERE name = form), '');
