-- Events that are committed but not yet acknowledged by Kafka, in the order they are published. `subject` is the UUID in the aggregate's id.
create table outbox (
  seq bigint generated always as identity primary key,
  id uuid not null,
  type text not null,
  subject uuid not null,
  sequence bigint not null,
  time timestamptz not null default now(),
  traceparent text,
  data text not null check (octet_length(data) <= 65536)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Who publishes: the holder, until it expires or renews.
create table outbox_lease (
  name text primary key,
  holder uuid not null,
  expires_at timestamptz not null
) with (fillfactor = 50);

-- Events that can never be published as they are, set aside so that those behind them go on. An operator gives them back once mended (OutboxView).
create table outbox_dead (
  like outbox,
  reason text not null,
  failed_at timestamptz not null default now(),
  primary key (seq)
);

-- Which events a consumer has applied; written in the transaction that applies one. Old rows are pruned by age.
create table inbox (
  consumer text not null,
  event_id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_received on inbox using brin (received_at) with (pages_per_range = 16, autosummarize = on);
