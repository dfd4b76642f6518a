-- What was answered to a creating request: id is the SHA-256 of caller, operation and key, hash that of what was asked for. Either the id of what was
-- made, where the answer can be read again, or the answer itself. A transaction lock on the id makes duplicates wait, so that a key that meets
-- midnight has one record too.
create table idempotency_record (
  id bytea not null check (length(id) = 32),
  hash bytea not null check (length(hash) = 32),
  object_id text,
  answer json check (length(answer::text) <= 16384),
  created_at timestamptz not null default now(),
  primary key (id, created_at),
  check (num_nonnulls(object_id, answer) = 1)
) partition by range (created_at);

-- Makes the partitions of today (UTC) and of the days ahead, and drops those that no record of the last 24 hours is in. Several may run at once:
-- they take turns. A partition is made apart and then attached, which stops no writer; a drop that can't have its lock soon waits for the next round.
create function keep_idempotency_partitions(days_ahead int) returns void language plpgsql as $$
declare
  today date := (now() at time zone 'UTC')::date;
  day date;
  partition text;
begin
  perform pg_advisory_xact_lock(hashtext('catamaran.idempotency'));
  for day in select today + n from generate_series(0, days_ahead) as n loop
    partition := 'idempotency_record_' || to_char(day, 'YYYYMMDD');
    if to_regclass(partition) is null then
      execute format('create table %I (like idempotency_record including defaults including constraints including indexes)', partition);
      execute format('alter table idempotency_record attach partition %I for values from (%L) to (%L)', partition,
        day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
  end loop;
  perform set_config('lock_timeout', '500ms', true);
  for partition in select inhrelid::regclass::text from pg_inherits where inhparent = 'idempotency_record'::regclass loop
    if to_date(right(partition, 8), 'YYYYMMDD') < today - 1 then
      begin
        execute format('drop table %s', partition);
      exception when lock_not_available then null;
      end;
    end if;
  end loop;
end $$;

select keep_idempotency_partitions(2);
