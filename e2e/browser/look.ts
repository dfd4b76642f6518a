import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import { shots } from './setting.js'
import type { Visitor } from './visitor.js'

const WIDTHS = [390, 1280] as const
const SCHEMES = ['light', 'dark'] as const

/** Rules of WCAG 2.2 AA and what axe calls best practice. */
const run = async (visitor: Visitor): Promise<string[]> => {
  const { violations } = (await visitor.page.evaluate('axe.run(document)')) as AxeResults
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`))
}

/** Judges the page that is open at phone and desktop width, light and dark: axe finds nothing, and nothing runs over its edge. */
export const look = async (visitor: Visitor, name: string): Promise<void> => {
  const { page } = visitor
  await page.evaluate(axe.source)
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 })
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      const at = `${name}, ${width} px, ${colorScheme}`
      assert.deepEqual(await run(visitor), [], at)
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${at}: runs over the edge`)
      if (shots === undefined) continue
      mkdirSync(shots, { recursive: true })
      await page.screenshot({ path: join(shots, `${name}-${width}-${colorScheme}.png`), fullPage: true })
    }
  }
}
