import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** Runs one of the tools of the root's node_modules; undefined when it is content, else what it says. */
export function runTool(root: string, tool: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'node_modules', '.bin', tool), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer) => void (output += chunk.toString('utf8'))
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => reject(new Error(`${tool} could not be started: ${error.message}`)))
    child.on('close', (code) =>
      resolve(code === 0 ? undefined : stripVTControlCharacters(output).trim() || `${tool} ended with code ${code}`),
    )
  })
}

export const format = (root: string, write: boolean) => runTool(root, 'oxfmt', write ? [] : ['--check'])
export const lint = (root: string) => runTool(root, 'oxlint', ['--type-aware', '--deny-warnings', '--report-unused-disable-directives'])
