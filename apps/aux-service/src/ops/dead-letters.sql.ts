import { MAX_REPLAY } from '@catamaran/contracts'
import type { Statement } from '@catamaran/data'

export const INSERT: Statement = {
  name: 'dead-letters.insert',
  text: `
insert into dead_letter (id, group_name, topic, partition, "offset", code, reason, attempts, dead_at, event_id, type, subject, key, value, headers, replay_of)
select id, group_name, topic, partition, "offset", code, reason, attempts, dead_at, event_id, type, subject, key, value, headers::json, replay_of
from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::timestamptz[], $10::text[], $11::text[],
  $12::text[], $13::bytea[], $14::bytea[], $15::text[], $16::uuid[])
  as l(id, group_name, topic, partition, "offset", code, reason, attempts, dead_at, event_id, type, subject, key, value, headers, replay_of)
order by id on conflict do nothing`,
}

const COLUMNS = `l.id, l.group_name, l.topic, l.partition, l."offset", l.code, l.reason, l.attempts, l.dead_at, l.event_id, l.type, l.subject, l.replay_of,
  l.status, l.replayed_at, (select n.id from dead_letter n where n.replay_of = l.id) as failed_again_as`

/** $1 to $5: topic, group, code, from, to. */
const FILTER = `($1::text is null or l.topic = $1) and ($2::text is null or l.group_name = $2) and ($3::text is null or l.code = $3)
  and ($4::timestamptz is null or l.dead_at >= $4) and ($5::timestamptz is null or l.dead_at < $5)`

export const LIST: Statement = {
  name: 'dead-letters.list',
  text: `select ${COLUMNS} from dead_letter l where ${FILTER} and ($6::uuid is null or l.id < $6) order by l.id desc limit $7`,
}
export const LIST_OF_STATUS: Statement = {
  name: 'dead-letters.list-of-status',
  text: `select ${COLUMNS} from dead_letter l where ${FILTER} and ($6::uuid is null or l.id < $6) and l.status = $8 order by l.id desc limit $7`,
}
export const FIND: Statement = {
  name: 'dead-letters.find',
  text: `select ${COLUMNS}, l.value, l.headers from dead_letter l where l.id = $1`,
}

export const REPLAY_ONE: Statement = {
  name: 'dead-letters.replay-one',
  text: "update dead_letter set status = 'replaying', due_at = now() where id = $1 and status = 'dead'",
}
/** The oldest first. Whoever comes second waits, and then finds nothing dead. */
export const REPLAY_ALL: Statement = {
  name: 'dead-letters.replay-all',
  text: `
with chosen as materialized (
  select l.id from dead_letter l where ${FILTER} and l.status = 'dead' order by l.id limit ${MAX_REPLAY} for update)
update dead_letter l set status = 'replaying', due_at = now() from chosen c where l.id = c.id returning l.id`,
}

export const LEASE: Statement = {
  name: 'dead-letters.lease',
  text: `
with due as materialized (
  select id from dead_letter where status = 'replaying' and due_at <= now() order by due_at, id limit $1 for update skip locked)
update dead_letter l set due_at = now() + $2::int * interval '1 ms' from due d where l.id = d.id
returning l.id, l.group_name, l.topic, l.key, l.value, l.headers`,
}
export const MARK_REPLAYED: Statement = {
  name: 'dead-letters.mark-replayed',
  text: "update dead_letter set status = 'replayed', replayed_at = now() where id = $1 and status = 'replaying'",
}
export const PUT_BACK: Statement = {
  name: 'dead-letters.put-back',
  text: "update dead_letter set due_at = now() + $2::int * interval '1 ms' where id = any($1) and status = 'replaying'",
}
