import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SERVICES } from '@catamaran/contracts'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { gatewayOf, send, serviceOf, type Entrance } from './authorisation.calls.js'
import { pageFaults } from './authorisation.pages.js'
import { documentedAccess, isPublic, routesOfSystem, type Route } from './authorisation.routes.js'
import { ROUTES, type Row } from './authorisation.table.js'
import { Mint } from './authorisation.tokens.js'
import { admissionFault, callerOf, leaks, othersFaults, pathOf, refusalFaults, scopeOf, type Walk } from './authorisation.walk.js'
import { makeWorld } from './authorisation.world.js'
import { callTableFaults, forwardedInternals } from './call-table.walk.js'

/** Thousands of calls in seconds: limits have tests of their own. */
const UNLIMITED = Object.fromEntries(['CALLER', 'ANONYMOUS', 'SIGN_IN', 'REFUSED'].map((name) => [`RATE_LIMIT_${name}`, '1000000/1000000']))

let own: Started<RunningSystem>
let walk: Walk
let routes: Route[]
let before_: Record<string, string>
const rows = ROUTES

const entrancesOf = (name: string, row: Row): Entrance[] => {
  const caller = row.callers[0] as string
  const direct = row.service === 'api-gateway' ? [] : [serviceOf(own.system, row.service, walk.serviceTokens[caller] as string)]
  return [...(isInternal(name) ? [] : [gatewayOf(own.system)]), ...direct]
}
const isInternal = (name: string): boolean => name.includes(' /internal/')

/** What the victim reads of all that is theirs. */
const whatIsTheirs = async (): Promise<Record<string, string>> => {
  const read = rows.filter(
    // What operators see isn't the victim's, usage tells of the walk itself, and a stream has no end.
    ([name, row]) =>
      name.startsWith('GET /v1/') && scopeOf(row) !== undefined && row.access.scope !== 'ops' && !/\/(usage|events)$/.test(name),
  )
  const answers = read.map(async ([name, row]) => {
    const id = row.others && walk.world.owned[row.others.thing]
    const call = { method: 'GET', path: pathOf(name, row, walk, id) + (row.query ?? ''), token: await walk.mint.token(callerOf(row, walk)) }
    const { status, text } = await send(gatewayOf(own.system), call)
    assert.equal(status, 200, `${name}: ${text}`)
    return [name, text.replace(/"(lastSeenAt|lastUsedAt)":("[^"]*"|null)/g, '')] as const
  })
  return Object.fromEntries(await Promise.all(answers))
}

before(async () => {
  own = await startSystem({ env: UNLIMITED })
  const [world, mint] = await Promise.all([makeWorld(own.system, rows.length), Mint.of(own.system)])
  walk = { world, mint, serviceTokens: await mint.serviceTokens() }
  routes = await routesOfSystem(own.system)
  before_ = await whatIsTheirs()
})
after(() => own?.stop())

describe('the authorisation table', () => {
  test('has a row for every route of the running services, and a route for every row', () => {
    const names = routes.map(({ service, name }) => `${service}: ${name}`)
    const expected = rows.map(([name, { service }]) => `${service}: ${name}`)
    assert.deepEqual(names.toSorted(), expected.toSorted())
  })

  test('says of every route what the route itself declares', () => {
    for (const { name, service, access } of routes) {
      const row = rows.find(([each, { service: of }]) => each === name && of === service)
      assert.deepEqual(access, row?.[1].access, name)
    }
  })

  test('says what the served OpenAPI document tells of callers, and the document tells of every route under /v1', async () => {
    const documented = await documentedAccess(own.system.gateway)
    const underV1 = rows.filter(([name]) => name.includes(' /v1/'))
    assert.deepEqual([...documented.keys()].toSorted(), underV1.map(([name]) => name).toSorted())
    for (const [name, { access }] of underV1) assert.deepEqual(documented.get(name), access, name)
  })
})

describe('each route refuses every other caller', () => {
  for (const [index, [name, row]] of rows.entries()) {
    if (name.startsWith('ALL ')) continue
    test(`${isInternal(name) ? `${row.service}: ` : ''}${name} is for ${scopeOf(row) === undefined ? 'anybody without a token or with a good one' : `${scopeOf(row)} alone`}`, async () => {
      const faults: string[] = []
      for (const entrance of entrancesOf(name, row)) {
        faults.push(...(await refusalFaults(name, row, entrance, walk)))
        faults.push(...(await othersFaults(name, row, entrance, walk)))
        faults.push(...(await leaks(name, row, entrance, walk)))
        if (row.page === undefined) faults.push(...(await admissionFault(name, row, entrance, walk, walk.world.bystanders[index] ?? '')))
      }
      if (row.page !== undefined) faults.push(...(await pageFaults(name, row.page, own.system, walk)))
      assert.deepEqual(faults, [])
    })
  }

  test('and after all of it the victim still has everything', async () => {
    assert.deepEqual(await whatIsTheirs(), before_)
  })
})

describe('the call table', () => {
  for (const service of SERVICES.filter((name) => name !== 'api-gateway')) {
    test(`lets nobody call ${service} but the services that it names, route by route`, async () => {
      const ofService = rows.filter(([, row]) => row.service === service)
      assert.ok(ofService.length > 0)
      assert.deepEqual(await callTableFaults(ofService, own.system, walk), [])
    })
  }

  test('is what the gateway forwards by: all that is public, and nothing under /internal, however it is written', async () => {
    for (const [name, row] of rows) {
      const [method = '', path = ''] = name.split(' ')
      if (row.service !== 'api-gateway')
        assert.equal(isPublic(row.service, method === 'ALL' ? 'GET' : method, path), !isInternal(name), name)
    }
    assert.deepEqual(
      await forwardedInternals(
        rows.filter(([name]) => isInternal(name)),
        own.system,
        walk,
      ),
      [],
    )
  })
})
