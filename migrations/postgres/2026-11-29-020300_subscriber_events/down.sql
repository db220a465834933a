DROP TABLE subscriber_reports;
DROP TABLE subscriber_events;
