-- Tombstones: persons whose account was closed. A row stays for good, so that an event that comes late brings nothing back.
create table erased_person (
  user_id uuid primary key,
  closed_at timestamptz not null default now(),
  erased_at timestamptz
);
