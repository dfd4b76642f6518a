-- What retention finds old rows by (src/retention.ts).
create index known_device_seen on known_device (last_seen_at);
create index person_export_expires on person_export (expires_at);
create index partner_usage_day on partner_usage (day);
create index mail_without_link on mail (finished_at) where registration_id is null and action_id is null;
