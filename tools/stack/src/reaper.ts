import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Reads "+ pid signal" and "- pid" lines. At the end of its input, which is the death of the launcher, it ends every process group
 * still listed, by its signal first and by SIGKILL after three seconds, and removes the file that says a system is running.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
list=''
while read -r op pid signal; do
  case $op in
    +) list="$list $pid:$signal" ;;
    -) rest=''; for entry in $list; do [ "\${entry%%:*}" = "$pid" ] || rest="$rest $entry"; done; list=$rest ;;
  esac
done
rm -f "$1"
for entry in $list; do kill -s "\${entry##*:}" -- "-\${entry%%:*}" 2>/dev/null; done
tries=0
while [ $tries -lt 30 ]; do
  alive=''
  for entry in $list; do kill -s 0 -- "-\${entry%%:*}" 2>/dev/null && alive=1; done
  [ -z "$alive" ] && exit 0
  tries=$((tries + 1))
  sleep 0.1
done
for entry in $list; do kill -s KILL -- "-\${entry%%:*}" 2>/dev/null; done
`

const NAME = 'catamaran-reaper'
/** Longer than the script takes at worst. */
const PREVIOUS_WITHIN_MS = 6000

/** Sees to it that no process outlives the launcher, not even a SIGKILL of it. A shell, because it must cost nothing. */
export class Reaper {
  private readonly shell: ChildProcess

  private constructor(dataDir: string) {
    const args = ['-c', SCRIPT, NAME, join(dataDir, 'system.json')]
    this.shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
    this.shell.stdin?.on('error', () => undefined)
    this.shell.unref()
    writeFileSync(join(dataDir, 'reaper.pid'), String(this.shell.pid))
  }

  /** Begins to watch, once the reaper of a launcher that was killed on this folder has done its work. */
  static async start(dataDir: string): Promise<Reaper> {
    const file = join(dataDir, 'reaper.pid')
    const pid = existsSync(file) ? readFileSync(file, 'utf8') : ''
    for (const deadline = Date.now() + PREVIOUS_WITHIN_MS; isReaper(pid) && Date.now() < deadline;) await delay(20)
    return new Reaper(dataDir)
  }

  watch(pid: number, signal: NodeJS.Signals): void {
    this.shell.stdin?.write(`+ ${pid} ${signal.replace('SIG', '')}\n`)
  }

  forget(pid: number): void {
    this.shell.stdin?.write(`- ${pid}\n`)
  }

  /** Ends the reaper and, with it, whatever is still listed. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.shell.ref()
      this.shell.once('exit', () => resolve())
      this.shell.stdin?.end()
    })
  }
}

function isReaper(pid: string): boolean {
  try {
    return pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(NAME)
  } catch {
    return false // gone
  }
}
