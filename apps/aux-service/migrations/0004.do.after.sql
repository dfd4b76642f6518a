-- Mails about orders, one for each event (whose id it has). It holds no address: that is read from core-service when the mail is sent.
-- `attempts` numbers the tries and fences a worker whose lease ended.
create table mail (
  id uuid primary key,
  order_id uuid not null,
  kind text not null,
  part_id uuid, -- the fulfilment or return it is about
  amount_minor bigint,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  outcome text check (outcome in ('sent', 'dropped', 'failed')),
  finished_at timestamptz,
  check ((outcome is null) = (finished_at is null))
) with (fillfactor = 80);
create index mail_due on mail (due_at) where outcome is null;
create index mail_finished on mail (finished_at) where outcome is not null;

-- Who does not want mails, or wants them again. No row: mails are wanted.
create table mail_preference (
  user_id uuid primary key,
  is_wanted boolean not null
);

-- Whose an order is: not all of its events say so, since partners are told them. Its person's rows go with the person.
create table order_buyer (
  order_id uuid primary key,
  user_id uuid not null
);
create index order_buyer_of_person on order_buyer (user_id);
