import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from './options.js'

test('without arguments, the system starts at port 4000 on loopback with its seed', () => {
  const options = parseOptions([], '/somewhere')
  assert.deepEqual(options, {
    portBase: 4000,
    dataDir: '/somewhere',
    listen: '127.0.0.1',
    gateway: undefined,
    reach: undefined,
    reset: false,
    onlyEngines: false,
    seed: true,
    quiet: false,
    json: false,
    fast: false,
  })
})

test('services elsewhere are behind the given gateway, and reach this machine by the given address', () => {
  const { gateway, reach } = parseOptions(['--gateway', 'http://localhost:8080/', '--reach', '10.0.0.1'], '/d') ?? {}
  assert.deepEqual({ gateway, reach }, { gateway: 'http://localhost:8080', reach: '10.0.0.1' })
})

test('--help asks for the page instead of a start', () => {
  assert.equal(parseOptions(['--help'], '/somewhere'), undefined)
})

test('an option that is wrong is named', () => {
  assert.throws(() => parseOptions(['--port-base', '80'], '/d'), /--port-base must be 0 or a number from 1024/)
  assert.throws(() => parseOptions(['--port-base', 'x'], '/d'), /not "x"/)
  assert.throws(() => parseOptions(['--only', 'services'], '/d'), /--only takes "engines"/)
  assert.throws(() => parseOptions(['--prot-base', '1'], '/d'), /--prot-base[\s\S]*--help/)
})
