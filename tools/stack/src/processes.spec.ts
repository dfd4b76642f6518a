import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { until } from './eventually.js'
import { Logs } from './logs.js'
import { Processes, type ProcessSpec } from './processes.js'
import { Reaper } from './reaper.js'

describe('processes', () => {
  let dir: string
  let reaper: Reaper
  let processes: Processes
  let told: string[]

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'catamaran-processes-'))
    reaper = await Reaper.start(dir)
    told = []
    processes = new Processes(new Logs(join(dir, 'logs')), reaper, { DIR: dir }, (line) => told.push(line))
  })
  afterEach(async () => {
    await processes.stopAll()
    await reaper.close()
    rmSync(dir, { recursive: true })
  })

  const shell = (script: string, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
    name: 'thing',
    rank: 'service',
    command: '/bin/sh',
    args: ['-c', script],
    cwd: dir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 5000,
    isReady: () => Promise.resolve(existsSync(join(dir, 'up'))),
    ...more,
  })

  it('are brought back when they die, and their last lines are told', async () => {
    await processes.start(shell('echo started; touch up; exec sleep 60'))
    const first = processes.pidOf('thing')
    process.kill(first, 'SIGKILL')
    await until(() => told.some((line) => line.includes('thing is back')))
    assert.match(told[0] ?? '', /thing was killed by SIGKILL; starting it again in 0\.2 s\.[\s\S]*started/)
    assert.notEqual(processes.pidOf('thing'), first)
  })

  it('are tried again and again, each time after a longer wait', async () => {
    writeFileSync(join(dir, 'good'), '')
    await processes.start(shell('[ -e good ] || exit 3; touch up; exec sleep 60'))
    rmSync(join(dir, 'good'))
    rmSync(join(dir, 'up'))
    process.kill(processes.pidOf('thing'), 'SIGKILL')
    await until(() => told.some((line) => line.includes('again in 0.8 s')))
    assert.ok(told.some((line) => line.includes('thing exited with code 3; starting it again in 0.4 s')))
  })

  it('fail to start with their last lines when they end before they are ready', async () => {
    await assert.rejects(
      processes.start(shell('echo bad config >&2; exit 4')),
      /thing exited with code 4 before it was ready[\s\S]*bad config/,
    )
  })

  it('fail to start when they are not ready in time', async () => {
    await assert.rejects(processes.start(shell('exec sleep 60', { readyWithinMs: 100 })), /thing was not ready within 0\.1 s/)
  })

  it('fail to start when there is no such program', async () => {
    await assert.rejects(processes.start(shell('', { command: join(dir, 'none') })), /thing could not be started.*ENOENT/)
  })

  it('are stopped with all that they started, the engines after the services', async () => {
    const noting = (name: string) => `trap 'echo ${name} >> order; exit' TERM; sleep 60 & echo $! > ${name}.child; touch ${name}.up; wait`
    for (const [name, rank] of [
      ['engine', 'engine'],
      ['service', 'service'],
    ] as const) {
      await processes.start(shell(noting(name), { name, rank, isReady: () => Promise.resolve(existsSync(join(dir, `${name}.up`))) }))
    }
    await processes.stopAll()
    assert.equal(readFileSync(join(dir, 'order'), 'utf8'), 'service\nengine\n')
    const child = Number(readFileSync(join(dir, 'engine.child'), 'utf8'))
    await until(() => !existsSync(`/proc/${child}`) || readFileSync(`/proc/${child}/stat`, 'utf8').includes(') Z '))
  })

  it('that run to their end hand over their lines, or fail with them', async () => {
    const lines: string[] = []
    await processes.runToEnd(shell('echo one; echo two'), (line) => lines.push(line))
    assert.deepEqual(lines, ['one', 'two'])
    await assert.rejects(processes.runToEnd(shell('echo no such table >&2; exit 1')), /thing exited with code 1\.[\s\S]*no such table/)
  })
})
