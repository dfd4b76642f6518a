import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { composeFaults, type SchemaOf } from '../src/compose.js'
import { shown } from './planted.js'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)), 'utf8')
const TEXT = read('docker-compose.yml')
const EXAMPLE = read('.env.example')
const noSchema: SchemaOf = () => undefined

/** What the check says of the project's own file after one change to it. */
function faultsAfter(change: (text: string) => string, example = EXAMPLE, schemaOf = noSchema): string[] {
  const changed = change(TEXT)
  return shown(composeFaults(changed, example, schemaOf))
}

describe('the compose file', () => {
  it('passes as it is', () => assert.deepEqual(shown(composeFaults(TEXT, EXAMPLE, noSchema)), []))

  const REFUSED: readonly [string, string | RegExp, string, RegExp][] = [
    ['an image without a tag', 'valkey/valkey:9', 'valkey/valkey', /valkey names no image/],
    ['an image whose tag moves', 'postgres:18', 'postgres:latest', /postgres names no image/],
    ['a container without a restart policy', /(KAFKA_SHARE[^]*?)restart: unless-stopped/, '$1', /kafka has no restart policy/],
    ['a health check by a shell', "'CMD', 'valkey-cli', 'ping'", "'CMD-SHELL', 'valkey-cli ping'", /valkey has no health check/],
    [
      'one of ours with its health check disabled',
      'healthcheck: *ready',
      'healthcheck: { disable: true }',
      /api-gateway has no health check/,
    ],
    ['a job that nobody waits for', 'seed: { condition: service_completed_successfully }', '', /seed is a job whose end nobody waits for/],
    ['a container without a limit', /mem_limit: 768m/, '', /postgres lacks a limit/],
    ['a container that may gain privileges', /(shm_size[^]*?)security_opt: .*/, '$1', /postgres may gain privileges/],
    ['a port open to the network', '127.0.0.1:${MAIL_PORT', '0.0.0.0:${MAIL_PORT', /mail publishes a port/],
    ['a variable without a default', '${LOG_LEVEL:-info}', '${LOG_LEVEL}', /has a variable without a default/],
  ]
  for (const [what, from, to, message] of REFUSED)
    it(`is refused for ${what}`, () => assert.match(faultsAfter((text) => text.replace(from, to)).join('\n'), message))

  it('is refused for a container of ours that may write or keeps capabilities', () => {
    const faults = faultsAfter((text) => text.replace('read_only: true', 'read_only: false'))
    assert.ok(faults.some((fault) => /api-gateway is ours, so it needs read_only/.test(fault)))
    assert.ok(faults.every((fault) => /is ours/.test(fault)))
  })

  it('is refused when a service would not start for what it is given, secrets counted in', () => {
    const schema = z.object({ FLAGS_SDK_KEY: z.string(), HOST: z.string(), TRUSTED_HOPS: z.string(), PORT: z.literal('1') })
    const faults = faultsAfter(
      (text) => text,
      EXAMPLE,
      (name) => (name === 'api-gateway' ? schema : undefined),
    )
    assert.deepEqual(
      faults.map((fault) => fault.replace(/(PORT:).*/, '$1')),
      ['docker-compose.yml api-gateway TRUSTED_HOPS: is missing', 'docker-compose.yml api-gateway PORT:'],
    )
  })

  it('is refused when .env.example tells of other variables than it reads', () => {
    const faults = faultsAfter((text) => text, EXAMPLE.replace('GATEWAY_PORT=', 'GATEWAY_PROT='))
    assert.deepEqual(faults, [
      '.env.example lacks GATEWAY_PORT, which docker-compose.yml reads',
      ".env.example has GATEWAY_PROT, which docker-compose.yml doesn't read",
    ])
  })
})
