import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from './errors.js'
import { Groups } from './groups.js'

/** Groups whose work waits until it is let go, and what it was given. */
const held = (most = 100) => {
  const given: number[][] = []
  const ends: { go: () => void; fail: (error: Error) => void }[] = []
  const groups = new Groups<number, string>({
    most,
    work: (items) => {
      given.push([...items])
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
      ends.push({ go: () => resolve(items.map(String)), fail: reject })
      return promise
    },
  })
  return { groups, given, ends }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what comes in one turn is done together, and each caller gets its own answers', async () => {
  const { groups, given, ends } = held()
  const answers = [groups.do([1, 2]), groups.do([]), groups.do([3])]
  await turn()
  ends[0]?.go()
  assert.deepEqual(await Promise.all(answers), [['1', '2'], [], ['3']])
  assert.deepEqual(given, [[1, 2, 3]])
})

test('what comes while a group is done is done together by the next one', async () => {
  const { groups, given, ends } = held()
  const first = groups.do([1])
  await turn()
  const rest = [groups.do([2]), groups.do([3])]
  ends[0]?.go()
  await first
  await turn()
  ends[1]?.go()
  assert.deepEqual(await Promise.all(rest), [['2'], ['3']])
  assert.deepEqual(given, [[1], [2, 3]])
})

test('a group holds no more than it may, but what one caller brings stays together', async () => {
  const { groups, given, ends } = held(3)
  const all = Promise.all([groups.do([1, 2]), groups.do([3, 4]), groups.do([5, 6, 7, 8]), groups.do([9])])
  for (let at = 0; at < 4; at++) {
    await turn()
    ends[at]?.go()
  }
  await all
  assert.deepEqual(given, [[1, 2], [3, 4], [5, 6, 7, 8], [9]])
})

test('a bad item fails its own caller only', async () => {
  const given: number[][] = []
  const groups = new Groups<number, number>({
    most: 10,
    work: (items) => {
      given.push([...items])
      return items.includes(2) ? Promise.reject(new Error('bad')) : Promise.resolve(items)
    },
  })
  const ended = await Promise.allSettled([groups.do([1]), groups.do([2]), groups.do([3])])
  assert.deepEqual(
    ended.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(given, [[1, 2, 3], [1], [2], [3]])
})

test('what is away is away for all of a group, which is not tried one by one; the next group is', async () => {
  const { groups, given, ends } = held()
  const away = Promise.allSettled([groups.do([1]), groups.do([2])])
  await turn()
  ends[0]?.fail(new AppError('service.unavailable'))
  assert.deepEqual(
    (await away).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  const next = groups.do([3])
  await turn()
  ends[1]?.go()
  await next
  assert.deepEqual(given, [[1, 2], [3]])
})
