-- Persons whose account was closed. A row stays for good as the tombstone. The pseudonym stands for the person in their ended orders; it is forgotten
-- when the last one has it, and then nobody can tell whose they were.
create table erased_person (
  user_id uuid primary key,
  pseudonym uuid default gen_random_uuid(),
  closed_at timestamptz not null default now(),
  erased_at timestamptz,
  check ((pseudonym is null) = (erased_at is not null))
);
create index erased_person_open on erased_person (closed_at) where erased_at is null;

-- An ended order of an erased person has no address.
alter table orders alter column delivery_address drop not null;
