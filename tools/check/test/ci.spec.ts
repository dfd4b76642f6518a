import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../../../../.ci/run', import.meta.url))
/** All that the script itself calls, so that a machine without Node, Java and apt can be stood in for by a folder. */
const COMMANDS = ['bash', 'dirname', 'sed', 'head', 'id', 'mktemp', 'rm', 'timeout', 'tail', 'grep', 'sleep']

const folders: string[] = []
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** A clone with the script, on a machine whose commands are these shell scripts. */
function run(commands: Record<string, string>): { code: number | null; last: string; output: string; root: string } {
  const root = mkdtempSync(join(tmpdir(), 'catamaran-ci-'))
  folders.push(root)
  const bin = join(root, 'bin')
  for (const folder of [bin, join(root, '.ci')]) mkdirSync(folder)
  copyFileSync(SCRIPT, join(root, '.ci', 'run'))
  // Not those that are replaced: writing to a link would write over the machine's own command.
  for (const command of COMMANDS.filter((name) => commands[name] === undefined)) {
    const found = (process.env['PATH'] ?? '').split(delimiter).find((folder) => existsSync(join(folder, command)))
    if (found !== undefined) symlinkSync(join(found, command), join(bin, command))
  }
  for (const [command, text] of Object.entries(commands)) {
    writeFileSync(join(bin, command), `#!${join(bin, 'bash')}\n${text}\n`)
    chmodSync(join(bin, command), 0o755)
  }
  const { status, stdout, stderr } = spawnSync(join(bin, 'bash'), [join(root, '.ci', 'run')], {
    cwd: tmpdir(),
    env: { PATH: bin, CI: 'true' },
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { code: status, last: stdout.trimEnd().split('\n').at(-1) ?? '', output: stdout + stderr, root }
}

const MACHINE = {
  node: 'echo v20.20.2',
  java: `echo 'openjdk version "17.0.15" 2025-04-15' >&2`,
  mvn: 'true',
  pip: 'true',
  git: 'true',
  chromium: 'true',
  prometheus: 'true',
  promtool: 'true',
  'prometheus-alertmanager': 'true',
}
const npm = (check: string, test: string, browser = 'echo "2 passed, 0 failed"') => ({
  ...MACHINE,
  npm: `case "$*" in 'run check') ${check};; test) ${test};; 'run test:browser') ${browser};; 'run test:alerts') echo "1 passed, 0 failed";; esac`,
})

describe('the CI script', () => {
  it('tells the counts of all test runs when all is well, and installs nothing', () => {
    const { code, last, output } = run({ ...npm('true', 'echo "12 passed, 0 failed"'), 'apt-get': 'echo "apt-get was called"' })
    assert.equal(last, '15 passed, 0 failed', output)
    assert.equal(code, 0)
    assert.doesNotMatch(output, /apt-get/)
  })

  it('runs the tests although the check failed, and counts it', () => {
    const { code, last, output } = run(npm('exit 1', 'echo "12 passed, 3 failed"; exit 1'))
    assert.equal(last, '15 passed, 4 failed', output)
    assert.equal(code, 1)
    assert.equal(run(npm('true', 'echo "12 passed, 0 failed"', 'echo "1 passed, 1 failed"; exit 1')).last, '14 passed, 1 failed')
  })

  it('counts a test run that ends badly as a failure, whatever it told', () => {
    assert.equal(run(npm('true', 'exit 7')).last, '3 passed, 1 failed')
    const { code, last } = run(npm('true', 'echo "12 passed, 0 failed"; exit 7'))
    assert.equal(last, '15 passed, 1 failed')
    assert.equal(code, 1)
  })

  it('ends although a test left a process behind that holds its output', () => {
    const { last, output, root } = run(npm('true', 'sleep 300 & echo $! > left.pid; echo "1 passed, 0 failed"'))
    process.kill(Number(readFileSync(join(root, 'left.pid'), 'utf8')))
    assert.equal(last, '4 passed, 0 failed', output)
  })

  it('installs what is missing where it can, and goes on without what it cannot', () => {
    const { java: _java, mvn: _mvn, ...poor } = npm('true', 'echo "1 passed, 0 failed"')
    const { last, output } = run({ ...poor, id: 'echo 0', 'apt-get': 'echo "apt-get $*" >&2; [ "$1" = update ]' })
    assert.match(output, /apt-get install .*default-jre-headless maven/)
    assert.match(output, /could not install all of default-jre-headless maven; going on without/)
    assert.equal(last, '4 passed, 0 failed', output)
  })

  it('says what to do when there is no Node and no way to get it', () => {
    const { code, last, output } = run({ id: 'echo 1000' })
    assert.match(output, /lacks nodejs npm default-jre-headless maven python3-pip git chromium prometheus prometheus-alertmanager/)
    assert.match(output, /Node 20 or newer is needed/)
    assert.equal(last, '0 passed, 1 failed')
    assert.equal(code, 1)
  })
})
