-- What a creating write under an Idempotency-Key came to, for 24 hours. Each day (UTC) has a partition of its own, made ahead of time and dropped as a whole.
create table idempotency_record (
  day date not null default (now() at time zone 'utc')::date,
  caller text not null,
  operation text not null,
  key text not null,
  request_hash bytea not null,
  answer json not null,
  created_at timestamptz not null default now(),
  primary key (caller, operation, key, day)
) partition by range (day);
