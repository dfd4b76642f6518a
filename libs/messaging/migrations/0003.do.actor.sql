-- Who made the change that an event tells of: the id of a user, an API key, a client or a partner. Null: the system itself.
alter table outbox add column actor text check (octet_length(actor) <= 100);
alter table outbox_dead add column actor text;
