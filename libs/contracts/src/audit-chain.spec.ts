import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstBrokenLink, MAX_LINK_EVENTS, nextLink, type AuditLink } from './audit-chain.js'
import { newId } from './ids.js'

const event = (offset: number) => ({
  offset,
  id: `evt_${offset}`,
  type: 'orders.order.placed.v1',
  subject: 'ord_1',
  sequence: offset,
  digest: 'd',
})

const chainOf = (length: number): AuditLink[] => {
  const links: AuditLink[] = []
  for (let index = 0; index < length; index++)
    links.push(nextLink('orders#0', links.at(-1), [event(index)], index, '2026-01-01T00:00:00.000Z'))
  return links
}

test('a chain that nobody touched is whole', () => {
  assert.equal(firstBrokenLink(chainOf(5)), undefined)
})

test('an altered event breaks the chain at its link', () => {
  const links = chainOf(5)
  links[2] = { ...(links[2] as AuditLink), events: [event(99)] }
  assert.equal(firstBrokenLink(links), 3)
})

test('a link that was rewritten with a hash of its own breaks the chain at the next', () => {
  const links = chainOf(5)
  links[2] = nextLink('orders#0', links[1], [event(99)], 2, '2026-01-01T00:00:00.000Z')
  assert.equal(firstBrokenLink(links), 4)
})

test('a missing link breaks the chain where it is missing', () => {
  assert.equal(firstBrokenLink(chainOf(5).toSpliced(1, 1)), 2)
  assert.equal(firstBrokenLink(chainOf(5).slice(1)), 1)
})

test('who made a change is part of the hash, and so is that nobody did', () => {
  const link = nextLink('orders#0', undefined, [{ ...event(1), actor: 'usr_1' }], 1, '2026-01-01T00:00:00.000Z')
  assert.equal(firstBrokenLink([link]), undefined)
  assert.equal(firstBrokenLink([{ ...link, events: [{ ...event(1), actor: 'usr_2' }] }]), 1)
  assert.equal(firstBrokenLink([{ ...link, events: [event(1)] }]), 1)
})

test('a full link of the longest events fits into one item of DynamoDB', () => {
  const longest = {
    ...event(Number.MAX_SAFE_INTEGER),
    id: newId('event'),
    type: 'x'.repeat(60),
    subject: 'x'.repeat(60),
    digest: '0'.repeat(64),
  }
  const events = Array.from({ length: MAX_LINK_EVENTS }, () => ({ ...longest, actor: 'x'.repeat(100) }))
  const link = nextLink('catalogue#11', undefined, events, 1, '2026-01-01T00:00:00.000Z')
  assert.ok(JSON.stringify(link).length < 350 * 1024)
})
