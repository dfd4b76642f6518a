import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { writeContainerKeys } from './container-keys.js'

describe('the keys of the containers', () => {
  const home = mkdtempSync(join(tmpdir(), 'container-keys-'))
  const read = (...path: string[]) => readFileSync(join(home, ...path), 'utf8')
  const envOf = (reader: string) => parseEnv(read(reader, 'env'))
  const tree = () =>
    readdirSync(home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name), 'utf8')])
      .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))
  before(() => writeContainerKeys(home, 'postgres:5432'))
  after(() => rmSync(home, { recursive: true, force: true }))

  it('give each service its own private key and database, and nobody else these', () => {
    const services = ['auth-service', 'core-service', 'aux-service']
    for (const mine of ['api-gateway', ...services]) {
      const { d, kid } = JSON.parse(read(mine, 'key.json')) as { d: string; kid: string }
      const published = JSON.parse(read('auth-service', 'services', `${mine}.json`)) as { d?: string; kid: string }
      assert.deepEqual([published.kid, published.d], [kid, undefined])
      const others = tree().filter(([path = '']) => !path.startsWith(join(home, mine)) && !path.startsWith(join(home, 'own')))
      assert.ok(others.every(([, text = '']) => !text.includes(d)))
    }
    const users = services.map((service) => new URL(envOf(service)['DATABASE_URL'] ?? '').username)
    assert.deepEqual(users, ['auth', 'core', 'aux'])
  })

  it('can be read as an environment, the order to make databases too', () => {
    const order = JSON.parse(envOf('local')['PROVISION_ORDER'] ?? '') as { databaseUrl: string }
    assert.equal(new URL(order.databaseUrl).password, read('postgres', 'password'))
    assert.equal(envOf('local')['PSP_API_KEY'], envOf('core-service')['PSP_API_KEY'])
  })

  it('are for their reader alone, but for the password that PostgreSQL reads as another user', () => {
    assert.equal(statSync(join(home, 'core-service', 'env')).mode & 0o777, 0o400)
    assert.equal(statSync(join(home, 'postgres', 'password')).mode & 0o777, 0o444)
  })

  it('are the same when the job runs again', async () => {
    const first = tree()
    await writeContainerKeys(home, 'postgres:5432')
    assert.deepEqual(tree(), first)
  })
})
