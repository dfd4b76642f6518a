import ts from 'typescript'
import { lineOf } from './imports.js'
import { readText, type Fault, type Source, type Workspace } from './workspace.js'

const MAX_INDEX_LINES = 40
const MAX_README_LINES = 149

const DISABLE = /\b(?:ox|es)lint-disable(?:-next-line|-line)?\b(.*)/

/** Every exception to a lint rule names the rule and says why, after `--`. */
function checkExceptions({ path, text }: Source): Fault[] {
  return text.split('\n').flatMap((content, index) => {
    const match = /(\/\/|\/\*)/.test(content) ? DISABLE.exec(content) : null
    if (!match) return []
    const [rule = '', reason = ''] = (match[1] ?? '').replace(/\*\/.*/, '').split(/\s--\s/)
    if (rule.trim() !== '' && /\w{3}/.test(reason)) return []
    return [{ path, line: index + 1, message: 'an exception names its rule and says why: // oxlint-disable-next-line <rule> -- <reason>' }]
  })
}

const TEST_CALL = /^(test|it|describe|suite|t|ctx|context)\.(skip|only|todo)$/
const TEST_OPTION = /^(skip|only|todo)$/

/** `test.skip(…)` and `test('…', { skip: true }, …)`: a test that doesn't run proves nothing. */
function skippedBy(node: ts.CallExpression, ast: ts.SourceFile): string | undefined {
  const callee = node.expression.getText(ast)
  if (TEST_CALL.test(callee)) return callee
  if (!/^(test|it|describe|suite)$/.test(callee)) return undefined
  const options = node.arguments.find(ts.isObjectLiteralExpression)
  return options?.properties.map((property) => property.name?.getText(ast)).find((name) => name !== undefined && TEST_OPTION.test(name))
}

const isLoop = (node: ts.Node): boolean => ts.isIterationStatement(node, false)

/** The local names of `setTimeout` from node:timers/promises. */
function delayNames({ ast }: Source): string[] {
  return ast.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || (statement.moduleSpecifier as ts.StringLiteral).text !== 'node:timers/promises') return []
    const named = statement.importClause?.namedBindings
    if (!named || !ts.isNamedImports(named)) return []
    return named.elements.filter((one) => (one.propertyName ?? one.name).text === 'setTimeout').map((one) => one.name.text)
  })
}

/** Skipped tests, and waits for a time: a pause inside a loop waits for a condition, any other only hopes. */
function checkTest(source: Source): Fault[] {
  const { ast, path } = source
  const delays = delayNames(source)
  const faults: Fault[] = []
  const visit = (node: ts.Node, inLoop: boolean): void => {
    if (ts.isCallExpression(node)) {
      const skipped = skippedBy(node, ast)
      if (skipped) faults.push({ path, line: lineOf(ast, node), message: `${skipped}: every test runs, everywhere` })
      const callee = node.expression.getText(ast)
      const first = node.arguments[0]
      const isSleep = delays.includes(callee) || (callee === 'setTimeout' && first !== undefined && ts.isIdentifier(first))
      if (isSleep && !inLoop)
        faults.push({ path, line: lineOf(ast, node), message: 'a test waits for a condition with a deadline, not for a time' })
    }
    ts.forEachChild(node, (child) => visit(child, inLoop || isLoop(node)))
  }
  visit(ast, false)
  return faults
}

const lineCount = (text: string): number => text.replace(/\n$/, '').split('\n').length

function checkSizes({ root, files, packages }: Workspace): Fault[] {
  const tooLong = (path: string, max: number, message: string): Fault[] => {
    const lines = files.includes(path) ? lineCount(readText(root, path)) : 0
    return lines > max ? [{ path, message: `has ${lines} lines, at most ${max}: ${message}` }] : []
  }
  const libs = packages.filter(({ kind }) => kind === 'libs')
  return [
    ...tooLong('README.md', MAX_README_LINES, 'it says what this is and where to read on'),
    ...libs.flatMap(({ dir }) => tooLong(`${dir}/src/index.ts`, MAX_INDEX_LINES, 'a lib has one small door')),
    ...libs
      .filter(({ dir, sources }) => sources.length > 0 && !files.includes(`${dir}/src/index.ts`))
      .map(({ dir }) => ({ path: dir, message: 'a lib has one door: src/index.ts' })),
    ...files
      .filter((path) => /^(apps|libs)\/.*\/index\.ts$/.test(path) && !/^libs\/[^/]+\/src\/index\.ts$/.test(path))
      .map((path) => ({ path, message: 'only a lib has an index.ts, and only one: import from the file itself' })),
  ]
}

/** What oxlint can't say: reasons for exceptions, tests that run and don't sleep, the size of doors. */
export function checkSources(workspace: Workspace): Fault[] {
  const sources = workspace.packages.flatMap((found) => found.sources)
  return [...sources.flatMap(checkExceptions), ...sources.filter(({ isTest }) => isTest).flatMap(checkTest), ...checkSizes(workspace)]
}
