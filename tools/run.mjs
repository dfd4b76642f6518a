// The door to every command of the project: installs when the lock file changed, builds what changed, goes on under Node 24.
// Plain JavaScript without dependencies, because it runs before there are any and under the Node the machine happens to have.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => join(root, ...parts)
const COMMANDS = {
  start: { main: 'tools/stack/dist/src/main.js', says: 'start the whole system on this machine (npm start -- --help lists the options)' },
  test: { main: 'tools/stack/dist/src/test.js', says: 'run the tests of all packages, or of the given folders, on real engines' },
  'test:browser': { main: 'e2e/dist/browser/main.js', says: 'walk through the pages in Chromium, on a system of its own' },
  'test:alerts': { main: 'e2e/dist/alerts/main.js', says: 'try rules, receivers and dashboards on a real Prometheus and Alertmanager' },
  'test:cluster': { main: 'e2e/dist/cluster/main.js', says: 'try the charts, and the services in them, on the cluster of KUBECONFIG' },
  'test:upgrade': { main: 'e2e/dist/src/upgrade-main.js', says: 'this build and an earlier one in turns on the same data' },
  kind: { main: 'e2e/dist/cluster/kind.js', says: 'a cluster by kind with everything in it, the demo, and releases to watch' },
  'test:journeys': {
    main: 'e2e/dist/src/journeys-main.js',
    says: 'walk through the API as outsiders, on a system that is up already (--url GATEWAY)',
  },
  demo: { main: 'e2e/dist/src/demo.js', says: 'walk through one order, from registration to notification' },
  check: { main: 'tools/check/dist/src/main.js', says: 'format, lint, types, layers, generated files' },
  audit: { main: 'tools/audit/dist/src/main.js', says: 'check the books of the running system against the invariants' },
  flags: { main: 'tools/stack/dist/src/flags.js', says: 'show and set the flags of the running system' },
  storm: { main: 'e2e/dist/src/storm/main.js', says: 'load a system of its own while its parts are killed, then audit it' },
  bench: { main: 'tools/bench/dist/src/main.js', says: 'measure against the floors of the design' },
  generate: { main: 'tools/check/dist/src/main.js', args: ['--write'], says: 'write the generated files anew' },
  build: { says: 'install and build, no more' },
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const say = (line) => process.stderr.write(`${line}\n`)
const fail = (line) => {
  say(line)
  process.exit(1)
}

/** Runs under an exclusive lock on `file`, held by the child itself: it stays held if this process is killed, and ends with the child. */
function runLocked(file, command, args, options = {}) {
  const locked = spawnSync('flock', [at(file), command, ...args], { cwd: root, stdio: 'inherit', ...options })
  return locked.error?.code === 'ENOENT' ? spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }) : locked
}

// ---- install -----------------------------------------------------------------------------------------------------------
const STAMP = at('node_modules', '.catamaran-install')
const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex')
const isInstalled = () => existsSync(STAMP) && readFileSync(STAMP, 'utf8').trim() === lockHash()

/** The packages of a lock file that are not the project's own: what an install would fetch. */
function fetched(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'))
  return Object.entries(packages).filter(([name]) => name.includes('node_modules/'))
}

/** True when what the lock file asks for is there already, for example by `npm install` (npm writes its own copy of the lock file last). */
function isInstalledByHand() {
  try {
    const found = new Map(fetched(at('node_modules', '.package-lock.json')))
    const wanted = new Map(fetched(at('package-lock.json')))
    for (const [name, entry] of wanted) {
      const there = found.get(name)
      if (there ? JSON.stringify(there) !== JSON.stringify(entry) : !entry.optional) return false
    }
    return [...found.keys()].every((name) => wanted.has(name) && existsSync(at(name, 'package.json')))
  } catch {
    return false
  }
}

/** Runs as a child that holds the lock, so that two commands at once install once. */
function installLocked() {
  if (isInstalled()) return
  const hash = lockHash()
  if (!isInstalledByHand()) {
    const since = performance.now()
    say(
      `${existsSync(at('node_modules')) ? 'The lock file changed or an install was cut short' : 'First run'}: installing packages (npm ci) ...`,
    )
    const npm = spawnSync('npm', ['ci', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] })
    if (npm.error?.code === 'ENOENT')
      fail('npm was not found. It comes with Node.js: install Node 20 or newer with npm, then run this again.')
    if (npm.status !== 0)
      fail('npm ci failed (its message is above). Most often: no network, or the registry is out of reach. Mend that and run this again.')
    say(`Installed in ${seconds(since)}.`)
  }
  writeFileSync(STAMP, `${hash}\n`)
}

function install() {
  if (isInstalled()) return
  const locked = runLocked('package-lock.json', process.execPath, [fileURLToPath(import.meta.url), 'install-locked'])
  if (locked.status !== 0 || !isInstalled()) process.exit(1)
}

// ---- build -------------------------------------------------------------------------------------------------------------
function node24() {
  const own = at('node_modules', '.bin', 'node')
  if (existsSync(own)) return own
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  return fail(
    `Node 24 is needed and has no package for ${process.platform}-${process.arch}; this is ${process.version}. Install Node 24 or newer and run this again.`,
  )
}

function build(node) {
  const since = performance.now()
  const isFirst = !existsSync(at('tools', 'stack', 'dist', '.tsbuildinfo'))
  if (isFirst) say('Building ...')
  const tsc = runLocked('tsconfig.json', node, [at('node_modules', '.bin', 'tsc'), '-b'], { stdio: ['ignore', 2, 2] })
  if (tsc.status !== 0) fail('The build failed: the errors are above.')
  if (isFirst) say(`Built in ${seconds(since)}.`)
}

// ---- go on -------------------------------------------------------------------------------------------------------------
/** The child inherits the read end of a pipe as fd 3: when this process dies, however, the pipe ends and the child stops. */
function goOn(node, main, args) {
  const child = spawn(node, [at(main), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, CATAMARAN_PARENT_FD: '3' },
  })
  // A terminal's Ctrl-C reaches the child by itself; the other signals are passed on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`${main} could not be started: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

const [name, ...rest] = process.argv.slice(2)
if (name === 'install-locked') {
  installLocked()
} else if (!COMMANDS[name]) {
  const lines = Object.entries(COMMANDS).map(([command, { says }]) => `  ${command.padEnd(13)} ${says}`)
  fail(['Usage: node tools/run.mjs <command> [arguments]', '', ...lines].join('\n'))
} else {
  install()
  const node = node24()
  build(node)
  const { main, args = [] } = COMMANDS[name]
  if (main && !existsSync(at(main))) fail(`${main} was not built: its source is missing.`)
  if (main) goOn(node, main, [...args, ...rest])
}
