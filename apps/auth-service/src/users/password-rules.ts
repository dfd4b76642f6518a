import { readFileSync } from 'node:fs'
import { PasswordFilter } from './password-filter.js'

/**
 * What a new password may not be, after NIST SP 800-63B-4 section 3.1.1.2: common or breached, a context-specific word, or a text that guessers
 * try early. No rule asks for kinds of characters. Few passwords of the list are as long as ours have to be, so that what people make of a
 * short one to lengthen it is recognised too.
 */
const COMMON = new PasswordFilter(readFileSync(new URL('../../../assets/common-passwords.bin', import.meta.url)))

/** Shorter words are part of too much. */
const LEAST_WORD = 4
/** A password that is fewer runs of keys, letters or the same character than this is one that a guesser tries. */
const LEAST_RUNS = 6
const LEAST_RUN_LENGTH = 3
/** How many letters and digits must be left without the person's address and our name. */
const LEAST_OWN = 8

const ADVICE = 'Choose another: four or five words that have nothing to do with each other do well.'
const REFUSALS = {
  common: `This is a password that many people use, or one with something added. ${ADVICE}`,
  run: `This is made of repetitions or of keys and letters in a row. ${ADVICE}`,
  personal: `This is mostly your email address or our name. ${ADVICE}`,
} as const

const SWAPS: readonly (readonly [RegExp, string])[] = [
  [/[0°]/g, 'o'],
  [/3|€/g, 'e'],
  [/[4@]/g, 'a'],
  [/[5$]/g, 's'],
  [/[7+]/g, 't'],
  [/8/g, 'b'],
  [/9/g, 'g'],
]
/** The usual letters behind digits and signs; `1` and `!` stand for two. */
const unswapped = (text: string): string[] => {
  const plain = SWAPS.reduce((result, [sign, letter]) => result.replace(sign, letter), text)
  return ['i', 'l'].map((letter) => plain.replace(/[1!|]/g, letter))
}

const stripped = (text: string): string[] => [
  text.replace(/[^\p{L}]+$/u, ''),
  text.replace(/^[^\p{L}]+/u, ''),
  text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, ''),
]

/** The shortest piece that a text repeats, the last time perhaps not to its end (`word word`); undefined where there is none. */
const unitOf = (text: string): string | undefined => {
  for (let period = 1; period <= (text.length + 1) / 2; period++) {
    if (text.startsWith(text.slice(period))) return text.slice(0, period)
  }
  return undefined
}

/** What a text may have been made of by padding, repeating and swapping, itself included. */
const originsOf = (text: string): Set<string> => {
  const origins = new Set([text])
  for (const origin of origins) {
    if (origin.length < LEAST_WORD || origins.size > 100) continue
    for (const made of [...stripped(origin), ...unswapped(origin), unitOf(origin)]) if (made !== undefined) origins.add(made)
  }
  return origins
}

const SEQUENCES = [
  ...['abcdefghijklmnopqrstuvwxyz', '01234567890', '!@#$%^&*()_+', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm'],
  ...['azertyuiop', 'qsdfghjklm', 'wxcvbn', '1qaz', '2wsx', '3edc', '4rfv', '5tgb', '6yhn', '7ujm', '8ik,', '9ol.', '0p;/'],
].flatMap((row) => [row, row.split('').toReversed().join('')])

const countSame = (characters: readonly string[], at: number): number => {
  const end = characters.findIndex((character, index) => index > at && character !== characters[at])
  return (end < 0 ? characters.length : end) - at
}
const countInRow = (characters: readonly string[], at: number): number =>
  Math.max(
    ...SEQUENCES.map((row) => {
      const start = row.indexOf(characters[at] ?? '')
      let length = start < 0 ? 0 : 1
      while (length > 0 && start + length < row.length && characters[at + length] === row.charAt(start + length)) length++
      return length
    }),
  )

/** How many runs (of one character, or along the alphabet or a keyboard) a text is, other characters counted one by one. */
const runsOf = (text: string): number => {
  const characters = Array.from(text)
  let runs = 0
  for (let at = 0; at < characters.length; runs++) {
    const length = Math.max(countSame(characters, at), countInRow(characters, at))
    at += length >= LEAST_RUN_LENGTH ? length : 1
  }
  return runs
}

/** A person's address and its parts, and our name. */
const ownWordsOf = (email: string | undefined): string[] =>
  [email ?? '', ...(email ?? '').split(/[@.+_-]/), 'catamaran']
    .filter(({ length }) => length >= LEAST_WORD)
    .toSorted((a, b) => b.length - a.length)

const isPersonal = (text: string, email: string | undefined): boolean =>
  [text, ...unswapped(text)].some((form) => {
    const rest = ownWordsOf(email).reduce((left, word) => left.replaceAll(word, ' '), form)
    return rest !== form && rest.replace(/[^\p{L}\p{N}]/gu, '').length < LEAST_OWN
  })

/** Why a new password of the right length can't be used and what to do; undefined when it can. `email` is its owner's. */
export const refusalOf = (password: string, email?: string): string | undefined => {
  const text = password.normalize('NFKC').toLowerCase()
  const unit = unitOf(text)
  if (runsOf(text) < LEAST_RUNS || (unit !== undefined && unit.length <= text.length / 3)) return REFUSALS.run
  if (isPersonal(text, email?.toLowerCase())) return REFUSALS.personal
  const isCommon = [...originsOf(text)].some((origin) => origin.length >= LEAST_WORD && COMMON.has(origin))
  return isCommon ? REFUSALS.common : undefined
}
