import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowedReturn, ReturnOrigins } from './return-urls.js'

const ORIGINS = ['https://shop.example', 'http://localhost']

test('a buyer is sent back to an agreed origin, on this machine to any port of it', () => {
  for (const url of [
    'https://shop.example/orders/1?a=b#c',
    'https://SHOP.example',
    'https://shop.example:443/',
    'http://localhost:3999/done',
    'http://localhost/',
  ])
    assert.equal(allowedReturn(url, ORIGINS), new URL(url).href)
})

test('nobody is sent anywhere else', () => {
  for (const url of [
    ...[
      'https://evil.example/',
      'http://shop.example/',
      'https://shop.example.evil.example/',
      'https://shop.example:8443/',
      'https://evilshop.example/',
    ],
    ...[
      'https://shop.example@evil.example/',
      'https://user@shop.example/',
      'https://evil.example/https://shop.example',
      'https://evil.example\\@shop.example/',
    ],
    ...[
      'http://127.0.0.1:3999/',
      'https://localhost/',
      'http://localhost.evil.example/',
      'javascript:alert(1)',
      '//shop.example',
      'shop.example',
      '',
    ],
  ])
    assert.equal(allowedReturn(url, ORIGINS), undefined, url)
  assert.equal(allowedReturn('https://shop.example/', []), undefined)
})

test('what another parser would read otherwise is handed on as it was understood', () => {
  assert.equal(allowedReturn('https://shop.example\\@evil.example/', ORIGINS), 'https://shop.example/@evil.example/')
  assert.equal(allowedReturn(' https://shop.example/\n', ORIGINS), 'https://shop.example/')
})

test('configuration takes origins alone, and http on this machine alone', () => {
  assert.deepEqual(ReturnOrigins.parse(ORIGINS), ORIGINS)
  for (const wrong of [
    'https://shop.example/',
    'https://shop.example/orders',
    'http://shop.example',
    'shop.example',
    '*',
    'https://*.example/',
  ])
    assert.equal(ReturnOrigins.safeParse([wrong]).success, false, wrong)
})
