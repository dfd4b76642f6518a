// node production-files.mjs <to> <package folder>...: copies these packages of the workspace with all that they need in production, and nothing else.
// npm can't leave out the development dependencies of linked packages, nor the types and source maps that fill two thirds of node_modules.
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'

const root = process.cwd()
const [to, ...folders] = process.argv.slice(2)

/** Needed by a compiler plugin and by pages that no service has. */
const LEFT_OUT = new Set(['typescript', 'swagger-ui-dist'])
/** What of a package of ours is read at run time. */
const OURS = ['package.json', 'dist/src', 'assets', 'migrations', 'openapi.json']

const isKeptOfOurs = (path) => !/(\.d\.ts|\.spec\.js|\.spec\.js\.map|\.tsbuildinfo)$/.test(path)
const isKeptOfOthers = (path) =>
  basename(path) !== 'node_modules' && (/(^|\/)(licen[cs]e|notice|copying)[^/]*$/i.test(path) || !/\.([cm]?ts|map|md|markdown|flow|tsbuildinfo)$/.test(path))

/** Where Node would find a package, looked up as Node does. */
function find(name, from) {
  for (let dir = from; ; dir = dirname(dir)) {
    const path = join(dir, 'node_modules', name)
    if (existsSync(path)) return path
    if (dir === root) return undefined
  }
}

const target = (path) => join(to, relative(root, path))
const done = new Set()

function take(dir) {
  if (done.has(dir)) return
  done.add(dir)
  const isOurs = !dir.includes('/node_modules/')
  if (isOurs) {
    for (const part of OURS.map((name) => join(dir, name)).filter(existsSync)) cpSync(part, target(part), { recursive: true, filter: isKeptOfOurs })
  } else {
    cpSync(dir, target(dir), { recursive: true, filter: (path) => path === dir || isKeptOfOthers(path) })
  }
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional)
  for (const name of [...Object.keys(dependencies), ...peers]) {
    if (LEFT_OUT.has(name)) continue
    const found = find(name, dir)
    if (found === undefined) throw new Error(`${dir} needs ${name}, which is not installed`)
    if (lstatSync(found).isSymbolicLink() && !existsSync(target(found))) {
      mkdirSync(dirname(target(found)), { recursive: true })
      symlinkSync(relative(dirname(found), realpathSync(found)), target(found))
    }
    take(realpathSync(found))
  }
}

for (const folder of folders) take(resolve(root, folder))
