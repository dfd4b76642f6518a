import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusalOf } from './password-rules.js'

const refuses = (why: RegExp, email: string | undefined, ...passwords: string[]): void => {
  for (const password of passwords) assert.match(refusalOf(password, email) ?? 'taken', why, password)
}

describe('the rules for new passwords', () => {
  it('take words in a row, random characters, and letters of any script, without asking for kinds of characters', () => {
    const good = [
      'seven sails over quiet water',
      'correct horse battery staple',
      'lantern gravel ferry oboe',
      '9k#2!vQp7zLw@x4',
      '581460273916408',
      'un mât, une voile, café',
      '海と空と風と島と波と船と星',
    ]
    for (const password of good) assert.equal(refusalOf(password, 'ada@example.com'), undefined, password)
  })

  it('refuse what is listed, whatever its case', () => {
    refuses(/many people use/, undefined, 'mypassword123456', 'thisismypassword', 'ThisIsMyPassword')
  })

  it('refuse a listed one that was padded, doubled, or written with digits for letters', () => {
    refuses(
      /many people use/,
      undefined,
      'password!!!!!!2026',
      '!!2026!!!!sunshine',
      'passwordpassword',
      'monkey12monkey12',
      'letmein7 letmein7',
    )
    refuses(/many people use/, undefined, 'P4ssw0rd!!!!!!!!', '$unsh1ne$unsh1ne', 'dr4g0nfly-7391604')
  })

  it('refuse one character or a run repeated, and keys or letters in a row', () => {
    refuses(/repetitions/, undefined, 'a'.repeat(15), '⛵'.repeat(16), 'ab1'.repeat(6), 'aaaa1111bbbb2222', 'ship ship ship s')
    refuses(/repetitions/, undefined, 'abcdefghijklmnop', '987654321098765', 'qwertyuiopasdfgh', '1qaz2wsx3edc4rfv', 'lkjhgfdsapoiuytr')
  })

  it('refuse what is mostly the address of its owner, or our name', () => {
    refuses(/mostly your email/, 'ada.lovelace@example.com', 'ada.lovelace@example.com', 'Lovelace-1815-12', 'Love1ace.exampl3')
    refuses(/mostly your email/, undefined, 'catamaran-2026-a', 'CatamaranCatamaran')
    assert.equal(refusalOf('lovelace wrote the first programme', 'ada.lovelace@example.com'), undefined)
    assert.equal(refusalOf('Lovelace-1815-12-x', 'bob@example.com')?.includes('email'), undefined)
  })

  it('say what to do', () => {
    assert.match(refusalOf('password12345678') ?? '', /Choose another: four or five words/)
  })
})
