import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atRest, cpuOf, cpuSince, readCpu } from './cpu.js'

const burn = (ms: number) => {
  const { user, system } = process.cpuUsage()
  for (let spent = 0; spent < ms * 1000;) {
    const now = process.cpuUsage()
    spent = now.user + now.system - user - system
  }
}

test('processor time is counted in microseconds, to a tick of 10 ms', () => {
  const before = readCpu({ self: process.pid })
  burn(200)
  const spent = cpuSince(before, readCpu({ self: process.pid }))['self'] ?? 0
  assert.ok(spent >= 180_000 && spent < 400_000, `${spent} µs`)
})

test('a process that is gone has used nothing', () => assert.equal(cpuOf(4_194_305), 0))

test('waiting for rest ends at its deadline when there is none', async () => {
  const busy = setInterval(() => burn(40), 50)
  const since = performance.now()
  await atRest({ self: process.pid }, 0.15, 600)
  clearInterval(busy)
  assert.ok(performance.now() - since >= 600)
})
