import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'

/** What a server makes anew at its start, or keeps elsewhere (PostgreSQL 18, section 25.3.4): their folders are kept, empty. */
const EMPTY = new Set(['pg_wal', 'pg_dynshmem', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans'])
const LEFT_OUT = new Set(['postmaster.pid', 'postmaster.opts', 'backup_label'])
/** Segments, and where one history branched off another. */
const SEGMENT = /^[0-9A-F]{24}$|\.history$/

/** Copies a cluster that is being written to. A file that goes meanwhile is no loss: the WAL tells of it. */
const copyCluster = async (from: string, into: string): Promise<void> => {
  mkdirSync(into, { recursive: true, mode: 0o700 })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(into, entry.name)]
    if (EMPTY.has(entry.name)) mkdirSync(target, { mode: 0o700 })
    else if (entry.isDirectory()) await copyCluster(source, target)
    else if (entry.isFile() && !LEFT_OUT.has(entry.name))
      await copyFile(source, target).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
  }
}

const withClient = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/**
 * A base backup of a running server with all its databases, by the low-level API, as `pg_basebackup` and the snapshots of managed servers are made. From
 * here on the server keeps its WAL, which together with the backup leads to any later moment.
 * @param url an admin's
 */
export const baseBackup = (url: string, cluster: string, into: string): Promise<void> =>
  withClient(url, async (client) => {
    await client.query("alter system set wal_keep_size = '4GB'")
    await client.query('select pg_reload_conf()')
    await client.query("select pg_backup_start('rehearsal', true)")
    await copyCluster(cluster, into)
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
    writeFileSync(join(into, 'backup_label'), rows[0]?.labelfile ?? '')
  })

/** Notes this moment in the WAL under a name, to be restored to. */
export const nameMoment = (url: string, name: string): Promise<void> =>
  withClient(url, async (client) => {
    await client.query('select pg_create_restore_point($1)', [name])
  })

/**
 * Makes a data folder in which a server, when it is started, goes from the base backup to the end of the WAL, or to a named moment, and is a primary of its
 * own from then on. @param dataDir of the launcher that will start it @param lost the data folder of the launcher of the one that is gone
 */
export const restore = (dataDir: string, base: string, lost: string, moment?: string): void => {
  const [cluster, archive] = [join(dataDir, 'postgres'), join(dataDir, 'wal')]
  cpSync(base, cluster, { recursive: true })
  chmodSync(cluster, 0o700)
  mkdirSync(archive)
  // A server that was itself restored goes on with what it was restored from.
  for (const wal of [join(lost, 'wal'), join(lost, 'postgres', 'pg_wal')])
    for (const name of existsSync(wal) ? readdirSync(wal) : []) if (SEGMENT.test(name)) cpSync(join(wal, name), join(archive, name))
  const settings = {
    restore_command: `cp "${archive}/%f" "%p"`,
    hot_standby: 'off', // nobody is let in before it is there
    recovery_target_action: 'promote',
    ...(moment === undefined ? {} : { recovery_target_name: moment }),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
  appendFileSync(join(cluster, 'postgresql.auto.conf'), lines.join(''))
  writeFileSync(join(cluster, 'recovery.signal'), '')
}
