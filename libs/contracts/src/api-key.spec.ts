import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API_KEY_PATTERN, newApiKey, parseApiKey } from './api-key.js'

test('a key reads back as what it was made of, and a scanner finds it in a text', () => {
  for (const mode of ['live', 'test'] as const) {
    const { text, id, secret } = newApiKey(mode)
    assert.deepEqual(parseApiKey(text), { mode, id, secret })
    assert.equal(API_KEY_PATTERN.exec(`KEY="${text}";`)?.[0], text)
  }
})

test('a key with any one character changed is no key', () => {
  const { text } = newApiKey('test')
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === '0' ? '1' : '0'
    assert.equal(parseApiKey(text.slice(0, at) + other + text.slice(at + 1)), undefined, `at ${at}`)
  }
  for (const wrong of ['', 'cat_', ` ${text}`, `${text} `, text.slice(0, -1), `${text}0`, text.toUpperCase()])
    assert.equal(parseApiKey(wrong), undefined, wrong)
})

test('secrets use every character, and no two are alike', () => {
  const secrets = Array.from({ length: 400 }, () => newApiKey('live').secret)
  assert.equal(new Set(secrets).size, 400)
  assert.equal(new Set(secrets.join('')).size, 62)
  assert.ok(secrets.every((secret) => /^[0-9A-Za-z]{43}$/.test(secret)))
})
