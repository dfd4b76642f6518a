-- Second factors, mailed actions beyond registration, revocations, partners with members and keys, plans, usage, erasures, exports.

-- closed_at: erasure was asked for; nobody signs in any more, and the row goes when every service has confirmed.
-- sign_ins_from: sessions that somebody signed in to before are over, wherever they are kept, except kept_session.
alter table user_account
  add column display_name text check (length(display_name) between 1 and 100),
  add column locale text not null default 'en' check (locale in ('en', 'de')),
  add column is_operator boolean not null default false,
  add column closed_at timestamptz,
  add column sign_ins_from timestamptz,
  add column kept_session text;

-- WebAuthn credentials (W3C Web Authentication Level 3, section 4, credential record).
create table passkey (
  id uuid primary key,
  user_id uuid not null references user_account on delete cascade,
  credential_id bytea not null unique,
  public_key bytea not null,
  sign_count bigint not null,
  transports text[] not null default '{}',
  is_backup_eligible boolean not null,
  is_backed_up boolean not null,
  aaguid uuid not null,
  name text not null check (length(name) between 1 and 100),
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index passkey_user on passkey (user_id);

-- The shared secret of RFC 6238, sealed (AES-256-GCM, key in DATA_KEYS). Counts from confirmed_at on. last_step: each code works once.
create table totp (
  user_id uuid primary key references user_account on delete cascade,
  sealed_secret bytea not null,
  last_step bigint not null default 0,
  confirmed_at timestamptz,
  created_at timestamptz not null default now()
);
-- Codes of 120 random bits, as SHA-256: no dictionary holds them.
create table recovery_code (
  user_id uuid not null references user_account on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

-- Browsers that somebody has signed in with, by the SHA-256 of a long-lived cookie.
create table known_device (
  user_id uuid not null references user_account on delete cascade,
  device_hash bytea not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (user_id, device_hash)
);

-- What a mailed link does, other than confirming a registration: using a link deletes its action, and with it all its links.
create table mail_action (
  id uuid primary key,
  kind text not null,
  user_id uuid references user_account on delete cascade,
  data json not null default '{}',
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index mail_action_user on mail_action (user_id, kind);
create index mail_action_expires on mail_action (expires_at);

alter table email_link
  alter column registration_id drop not null,
  add column action_id uuid references mail_action on delete cascade,
  add check (num_nonnulls(registration_id, action_id) = 1);
create index email_link_action on email_link (action_id) where action_id is not null;

-- The kinds stand in mail.texts.ts. details: what the text says besides the link, no secrets. source: a keyed hash of the network that asked for the
-- mail, so that nobody can use up what others may ask for.
alter table mail
  drop constraint mail_kind_check,
  alter column registration_id drop not null,
  add column action_id uuid references mail_action on delete cascade,
  add column details json not null default '{}',
  add column source text;
create index mail_action_id on mail (action_id) where action_id is not null;

-- Credentials ended before their tokens expire. Sequences are taken under a lock, so that they rise in the order of the commits and
-- who has read up to one has missed none.
create sequence revocation_sequence;
create table revocation (
  sequence bigint primary key,
  kind text not null check (kind in ('session', 'client', 'user', 'partner')),
  subject text not null,
  revoked_at timestamptz not null,
  expires_at timestamptz not null
);
create index revocation_expires on revocation (expires_at);

create table plan (
  id text primary key check (id ~ '^[a-z][a-z0-9-]{1,30}$'),
  requests_per_second double precision not null check (requests_per_second > 0),
  burst integer not null check (burst > 0),
  requests_per_day integer not null check (requests_per_day > 0),
  max_api_keys integer not null check (max_api_keys > 0),
  max_webhook_endpoints integer not null check (max_webhook_endpoints > 0)
);
insert into plan (id, requests_per_second, burst, requests_per_day, max_api_keys, max_webhook_endpoints) values
  ('starter', 10, 50, 50000, 5, 3),
  ('growth', 50, 200, 1000000, 20, 10),
  ('scale', 200, 1000, 20000000, 100, 50);

-- An organisation that sells. It can use its keys while it is active.
create table partner (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'pending' check (status in ('pending', 'active', 'rejected', 'suspended')),
  plan text not null default 'starter' references plan,
  version bigint not null default 1,
  reason text,
  created_at timestamptz not null default now(),
  decided_at timestamptz
);
create index partner_status on partner (status, id);

create table partner_member (
  partner_id uuid not null references partner on delete cascade,
  user_id uuid not null references user_account on delete cascade,
  role text not null check (role in ('viewer', 'developer', 'owner')),
  created_at timestamptz not null default now(),
  primary key (partner_id, user_id)
);
create index partner_member_user on partner_member (user_id);

-- An invitation is accepted with a mailed link; its mail_action has the same id.
create table partner_invitation (
  id uuid primary key references mail_action on delete cascade,
  partner_id uuid not null references partner on delete cascade,
  email text not null check (email = lower(email)),
  role text not null check (role in ('viewer', 'developer', 'owner')),
  invited_by uuid references user_account on delete set null,
  created_at timestamptz not null default now(),
  unique (partner_id, email)
);

-- secret_hash is the SHA-256 of the key's secret part of 256 random bits. A rotated key works until expires_at, beside the one that follows it.
create table api_key (
  id uuid primary key,
  partner_id uuid not null references partner on delete cascade,
  name text not null check (length(name) between 1 and 100),
  mode text not null check (mode in ('live', 'test')),
  secret_hash bytea not null,
  scopes text[] not null,
  allowed_addresses cidr[] not null default '{}',
  created_by uuid references user_account on delete set null,
  follows uuid references api_key on delete set null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index api_key_partner on api_key (partner_id, id);

-- Clients of partners; those without a partner are ours. private_key_jwt needs jwks.
alter table oidc_client
  add column partner_id uuid references partner on delete cascade,
  add column jwks json,
  add column revoked_at timestamptz,
  add column last_used_at timestamptz,
  drop constraint oidc_client_auth_method_check,
  drop constraint oidc_client_check,
  drop constraint oidc_client_check1,
  add constraint client_auth_method check (auth_method in ('none', 'client_secret', 'private_key_jwt')),
  add constraint client_secret_by_method check ((auth_method = 'client_secret') = (secret_hash is not null)),
  add constraint client_jwks_by_method check ((auth_method = 'private_key_jwt') = (jwks is not null)),
  add constraint client_credentials_by_method check ('client_credentials' <> all (grant_types) or auth_method <> 'none');
create index oidc_client_partner on oidc_client (partner_id) where partner_id is not null;
-- The demo's client is for a system on one's own machine: tools/seed makes it there.
delete from oidc_client where id = 'catamaran-demo';

-- Requests by credential (API key or client), UTC day and route, as the gateways report them.
create table partner_usage (
  partner_id uuid not null references partner on delete cascade,
  client_id text not null,
  day date not null,
  route text not null,
  requests bigint not null,
  errors bigint not null,
  primary key (partner_id, day, client_id, route)
);

-- An erasure outlives its user row: it is the tombstone. mail_id: the mail that confirms it, the last row that holds the address.
create table erasure (
  user_id uuid primary key,
  requested_at timestamptz not null default now(),
  core_erased_at timestamptz,
  aux_erased_at timestamptz,
  finished_at timestamptz,
  mail_id uuid
);
create index erasure_open on erasure (requested_at) where finished_at is null;

-- A person's export; content is the gzipped JSON once it is ready.
create table person_export (
  id uuid primary key,
  user_id uuid not null references user_account on delete cascade,
  content bytea,
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  requested_at timestamptz not null default now(),
  ready_at timestamptz,
  expires_at timestamptz not null
);
create index person_export_due on person_export (due_at) where ready_at is null;
create index person_export_user on person_export (user_id);
