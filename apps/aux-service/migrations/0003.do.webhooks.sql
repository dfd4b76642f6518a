-- Where partners want to hear of events (Standard Webhooks). Streak and pause are what a worker learned of its receiver.
create table webhook_endpoint (
  id uuid primary key,
  partner_id uuid not null,
  url text not null,
  description text not null,
  events text[] not null,
  status text not null default 'enabled' check (status in ('enabled', 'disabled')),
  disabled_reason text check (disabled_reason in ('partner', 'gone', 'failing')),
  version bigint not null default 1,
  -- Failures since the last success, when the first of them was, and until when nothing is sent because of them.
  failures integer not null default 0,
  failing_since timestamptz,
  paused_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((status = 'disabled') = (disabled_reason is not null))
);
create index webhook_endpoint_partner on webhook_endpoint (partner_id, id);

-- What deliveries are signed with: all that have not ended. Sealed with DATA_KEYS, the endpoint's id as owner.
create table webhook_secret (
  endpoint_id uuid not null references webhook_endpoint on delete cascade,
  id uuid not null,
  sealed bytea not null,
  ends_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (endpoint_id, id)
);

-- One event for one endpoint. `seq` is the order of events within a lane (endpoint and subject): only the lane's oldest waiting one is tried.
-- `attempts` numbers the tries and fences a worker whose lease ended; `step` is how far the retry schedule has come since `tried_since`.
create table webhook_delivery (
  id uuid primary key default uuidv7(),
  seq bigint generated always as identity,
  endpoint_id uuid not null references webhook_endpoint on delete cascade,
  event_id uuid not null,
  subject uuid not null,
  type text not null,
  body text not null,
  status text not null check (status in ('waiting', 'delivered', 'dead')),
  dead_reason text check (dead_reason in ('exhausted', 'gone', 'endpoint_disabled')),
  attempts integer not null default 0,
  step integer not null default 0,
  tried_since timestamptz not null default now(),
  due_at timestamptz,
  is_leased boolean not null default false,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  check ((status = 'waiting') = (due_at is not null)),
  check ((status = 'dead') = (dead_reason is not null))
) with (autovacuum_vacuum_scale_factor = 0.05);
create unique index webhook_delivery_event on webhook_delivery (endpoint_id, event_id);
create index webhook_delivery_due on webhook_delivery (endpoint_id, due_at, seq) where status = 'waiting';
create index webhook_delivery_lane on webhook_delivery (endpoint_id, subject, seq) where status = 'waiting';
create index webhook_delivery_list on webhook_delivery (endpoint_id, seq);
create index webhook_delivery_dead on webhook_delivery (endpoint_id, seq) where status = 'dead';
create index webhook_delivery_created on webhook_delivery (endpoint_id, created_at);
create index webhook_delivery_finished on webhook_delivery (finished_at) where status <> 'waiting';

create table webhook_attempt (
  delivery_id uuid not null references webhook_delivery on delete cascade,
  number integer not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  first_byte_ms integer,
  url text not null,
  request_headers jsonb not null,
  status integer,
  response_headers jsonb,
  response_body text,
  failure text,
  primary key (delivery_id, number)
);
