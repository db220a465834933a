DROP TABLE contact_messages;
DROP TABLE contact_forms;
