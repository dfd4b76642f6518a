-- Messages that a consumer group gave up. The same message given up twice by a group (it died before it could say so) is one letter, and so is all that
-- comes of one replay. `replaying` is due to go back to its topic; a lease is a later due_at.
create table dead_letter (
  id uuid primary key,
  group_name text not null,
  topic text not null,
  partition bigint not null,
  "offset" bigint not null,
  code text not null,
  reason text not null,
  attempts bigint not null,
  dead_at timestamptz not null,
  event_id text not null,
  type text not null,
  subject text not null,
  key bytea,
  value bytea,
  headers json not null,
  replay_of uuid unique,
  status text not null default 'dead' check (status in ('dead', 'replaying', 'replayed')),
  due_at timestamptz not null default now(),
  replayed_at timestamptz,
  unique (topic, partition, "offset", group_name, event_id),
  check ((status = 'replayed') = (replayed_at is not null))
);
create index dead_letter_of_status on dead_letter (status, id);
create index dead_letter_died on dead_letter (dead_at);
create index dead_letter_due on dead_letter (due_at) where status = 'replaying';
