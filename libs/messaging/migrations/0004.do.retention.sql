-- Retention deletes the oldest first: with a block range index each batch would pass over all that the ones before it left behind.
drop index inbox_received;
create index inbox_received on inbox (received_at);
create index outbox_dead_failed on outbox_dead (failed_at);
