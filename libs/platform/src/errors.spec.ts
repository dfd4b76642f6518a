import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NotFoundException } from '@nestjs/common'
import { AppError, causesOf, problemOf, retryAfterOf, toAppError } from './errors.js'

test('an unforeseen error is `internal` and tells nothing of itself', () => {
  const error = toAppError(new Error('password=hunter2'))
  const problem = problemOf(error, 'req_1')
  assert.equal(problem.status, 500)
  assert.doesNotMatch(JSON.stringify(problem), /hunter2/)
  assert.match(causesOf(error).join(), /hunter2/)
})

test('extra members and input errors stand in the problem', () => {
  const problem = problemOf(
    new AppError('orders.out-of-stock', { extra: { productIds: ['prd_1'] }, errors: [{ pointer: '/a', detail: 'b' }] }),
    'req_1',
  )
  assert.deepEqual(problem['productIds'], ['prd_1'])
  assert.deepEqual(problem.errors, [{ pointer: '/a', detail: 'b' }])
  assert.equal(problem.code, 'orders.out-of-stock')
  assert.equal(problem.requestId, 'req_1')
})

test('framework errors become codes of the table', () => {
  assert.equal(toAppError(new NotFoundException()).code, 'request.route-not-found')
  assert.equal(toAppError({ code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }).code, 'request.too-large')
  assert.equal(toAppError(Object.assign(new SyntaxError('x'), { statusCode: 400 })).code, 'request.malformed-json')
})

test('what is away asks to come back', () => {
  assert.equal(retryAfterOf(new AppError('service.unavailable')), 1)
  assert.equal(retryAfterOf(new AppError('service.overloaded', { retryAfterS: 7 })), 7)
  assert.equal(retryAfterOf(new AppError('orders.not-found')), undefined)
})
