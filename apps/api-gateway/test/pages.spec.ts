import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CALLS, ERRORS } from '@catamaran/contracts'
import { ask, startSetting, type Setting } from './setting.js'

const HTML = 'text/html; charset=utf-8'

describe('pages', () => {
  let setting: Setting
  let url: string

  before(async () => {
    setting = await startSetting('pages')
    ;({ url } = await setting.gateway())
  })
  after(() => setting.scope.close())

  const page = async (path: string): Promise<string> => {
    const answer = await ask(url + path, { headers: { accept: 'text/html,*/*' } })
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, HTML], path)
    assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'; style-src 'self'; img-src 'self'/, path)
    assert.equal(answer.headers['x-robots-tag'], 'none', path)
    return answer.text
  }

  it('has a page for browsers and links for programs at its address', async () => {
    assert.match(await page('/'), /<h1>/)
    const links = await ask(url)
    assert.equal(links.json<{ links: Record<string, string> }>().links['openapi'], '/openapi.json')
  })

  it('serves an OpenAPI document of public routes only', async () => {
    const answer = await ask(`${url}/openapi.json`)
    const { openapi, paths } = answer.json<{ openapi: string; paths: Record<string, object> }>()
    assert.equal(openapi, '3.1.0')
    const prefixes = CALLS.filter(({ from }) => from === 'api-gateway').flatMap((rule) => rule.paths.map((path) => path.replace(/\*$/, '')))
    assert.ok(Object.keys(paths).length > 3)
    for (const path of Object.keys(paths))
      assert.ok(
        prefixes.some((prefix) => path.startsWith(prefix)),
        path,
      )
    const unchanged = await ask(`${url}/openapi.json`, { headers: { 'if-none-match': String(answer.headers['etag']) } })
    assert.equal(unchanged.status, 304)
  })

  it('shows every route and schema of the document in the reference, and loads nothing from elsewhere', async () => {
    const { paths, components } = (await ask(`${url}/openapi.json`)).json<{
      paths: Record<string, Record<string, { operationId: string }>>
      components: { schemas: Record<string, object> }
    }>()
    const text = await page('/docs')
    for (const path of Object.keys(paths)) assert.ok(text.includes(`<code>${path}</code>`), path)
    for (const name of Object.keys(components.schemas)) assert.ok(text.includes(`id="schema-${name}"`), name)
    const targets = [...text.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
    for (const id of targets) assert.ok(text.includes(`id="${id}"`), `#${id} leads somewhere`)
    assert.deepEqual(
      [...text.matchAll(/(?:src|href)="(https?:|\/\/)[^"]*"/g)].map(([found]) => found),
      [],
    )
    assert.doesNotMatch(text, /<script|style=/)
  })

  it('has a page for every error code, and 404 for any other', async () => {
    const index = await page('/problems')
    for (const [code, { title }] of Object.entries(ERRORS)) {
      assert.ok(index.includes(`href="/problems/${code}"`), code)
      assert.ok((await page(`/problems/${code}`)).includes(`<code>${code}</code>`), code)
      assert.ok(index.includes(title.replaceAll("'", '&#39;')), code)
    }
    for (const code of ['nothing', 'toString', '<script>'])
      assert.equal((await ask(`${url}/problems/${encodeURIComponent(code)}`)).status, 404, code)
  })

  it('asks search engines to stay away', async () => {
    assert.match((await ask(`${url}/robots.txt`)).text, /Disallow: \//)
  })

  it('serves what its pages load, and answers HEAD alike', async () => {
    for (const [path, type] of Object.entries({ '/assets/style.css': 'text/css', '/assets/icon.svg': 'image/svg+xml; charset=utf-8' })) {
      const [get, head] = [await ask(url + path), await ask(url + path, { method: 'HEAD' })]
      assert.ok(String(get.headers['content-type']).startsWith(type))
      assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, String(Buffer.byteLength(get.text)), ''])
    }
  })
})
