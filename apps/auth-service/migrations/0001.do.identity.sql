-- Users, registrations that wait for their mail to be confirmed, mail to send, and OIDC clients.
-- Emails are kept normalised: trimmed, NFC, lower case.

-- A user exists from the moment the email address is confirmed. password_hash is a PHC string: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>.
-- A seed row: (uuid v7, 'buyer@catamaran.local', '$argon2id$…'); the id shown outside is its TypeID (usr_…).
create table user_account (
  id uuid primary key,
  email text not null unique check (email = lower(email)),
  password_hash text not null,
  version bigint not null default 1,
  email_verified_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);

-- Somebody asked for an account. Each asking is a row of its own with its own password, so that confirming a mail can only ever switch on the
-- password that was typed by whoever caused that mail. A row that is expired from the start stands for an address that has an account already.
create table registration (
  id uuid primary key,
  email text not null check (email = lower(email)),
  password_hash text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index registration_email on registration (email, created_at desc);
create index registration_expires on registration (expires_at);

-- The secret of a mailed link, as its SHA-256. Each mail that is tried has a link of its own; using one deletes the registration and with it all.
create table email_link (
  secret_hash bytea primary key,
  registration_id uuid not null references registration on delete cascade
);
create index email_link_registration on email_link (registration_id);

-- Mail to send. due_at is also the lease: whoever takes a row moves it on. Finished rows stay a day to throttle by.
create table mail (
  id uuid primary key,
  kind text not null check (kind in ('verify_email', 'already_registered')),
  recipient text not null,
  registration_id uuid not null references registration on delete cascade,
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  outcome text check (outcome in ('sent', 'dropped', 'failed')),
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  check ((outcome is null) = (finished_at is null))
);
create index mail_due on mail (due_at) where outcome is null;
create index mail_recipient on mail (recipient, finished_at);
create index mail_registration on mail (registration_id, created_at);

-- OIDC clients other than the services (those come from SERVICE_KEYS_DIR).
-- auth_method 'none' (public, PKCE) or 'client_secret' (basic or post). secret_hash is 'sha256$' and the base64url of SHA-256 of the secret: enough for
-- secrets of 32 random bytes, which no dictionary holds. scopes are what a token of the client may carry at most. redirect_uris of a native client match
-- on any loopback port. A seeded partner: ('demo-partner', 'Demo partner', 'web', 'client_secret', 'sha256$…', '{client_credentials}', '{}', '{}',
-- '{catalogue,orders,webhooks}').
create table oidc_client (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9_-]{2,63}$'),
  name text not null,
  application_type text not null check (application_type in ('web', 'native')),
  auth_method text not null check (auth_method in ('none', 'client_secret')),
  secret_hash text check (secret_hash ~ '^sha256\$[A-Za-z0-9_-]{43}$'),
  grant_types text[] not null check (grant_types <@ '{authorization_code,refresh_token,client_credentials}'),
  redirect_uris text[] not null default '{}',
  post_logout_redirect_uris text[] not null default '{}',
  scopes text[] not null,
  created_at timestamptz not null default now(),
  check ((auth_method = 'client_secret') = (secret_hash is not null)),
  check ('client_credentials' <> all (grant_types) or auth_method = 'client_secret')
);

insert into oidc_client (id, name, application_type, auth_method, grant_types, redirect_uris, post_logout_redirect_uris, scopes)
values (
  'catamaran-demo', 'Catamaran demo', 'native', 'none', '{authorization_code,refresh_token}',
  '{http://127.0.0.1/callback}', '{http://127.0.0.1/signed-out}',
  '{orders:read,orders:write,cart:write,notifications:read,account:write}'
);
