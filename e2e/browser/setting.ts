import { after } from 'node:test'
import type { RunningSystem } from '@catamaran/stack'
import { chromium, type Browser } from 'playwright-core'

/** What main.ts tells the specs, as JSON in BROWSER_SETTING. */
export interface Told {
  readonly system: RunningSystem
  /** Where Chromium listens. */
  readonly endpoint: string
  /** The folder for screenshots, when somebody wants to see them. */
  readonly shots: string | undefined
}

const told = process.env['BROWSER_SETTING']
if (told === undefined) throw new Error('These specs need a running system and Chromium: npm run test:browser')

export const { system, endpoint, shots } = JSON.parse(told) as Told

export const browser: Browser = await chromium.connect(endpoint)
after(() => browser.close())
