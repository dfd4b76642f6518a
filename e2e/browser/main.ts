// `npm run test:browser [-- words]`: the pages in a real Chromium, on a system of their own. Only specs whose name holds one of the words, if any.
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startSystem } from '@catamaran/stack'
import { chromium } from 'playwright-core'
import { runSpecs } from '../src/run-specs.js'
import type { Told } from './setting.js'

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
const QUIET = ['--disable-component-update', '--disable-sync']

/** All visitors have one address, and a quick machine signs them in faster than one person would. */
const UNLIMITED = { RATE_LIMIT_SIGN_IN: '1000000/1000000' }

const folder = fileURLToPath(new URL('.', import.meta.url))

const specs = (words: readonly string[]): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.browser.js') && (words.length === 0 || words.some((word) => file.includes(word))))
    .toSorted()
    .map((file) => folder + file)

/** Stops what was started, in whatever order it came. */
const closing: (() => Promise<void>)[] = []
const stop = async (): Promise<void> => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close()
}

const main = async (): Promise<number> => {
  const executablePath = [process.env['CHROMIUM'], ...CANDIDATES].find((path) => path !== undefined && existsSync(path))
  const files = specs(process.argv.slice(2))
  if (executablePath === undefined || files.length === 0) {
    const missing = 'npm run test:browser needs Chromium. On Debian: apt-get install chromium. Or name one in CHROMIUM.\n'
    process.stderr.write(executablePath === undefined ? missing : 'There is no such spec in e2e/browser.\n')
    return 1
  }
  try {
    const { system, stop: stopSystem } = await startSystem({ args: ['--quiet'], env: UNLIMITED, stderr: process.stderr })
    closing.push(stopSystem)
    const server = await chromium.launchServer({ executablePath, args: [...ARGS, ...QUIET], host: '127.0.0.1' })
    closing.push(() => server.close())
    const told: Told = { system, endpoint: server.wsEndpoint(), shots: process.env['BROWSER_SHOTS'] }
    process.env['BROWSER_SETTING'] = JSON.stringify(told)
    const { passed, failed } = await runSpecs(files)
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
    return failed > 0 || passed === 0 ? 1 : 0
  } finally {
    await stop()
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop().finally(() => process.exit(130)))

process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return 1
  }),
)
