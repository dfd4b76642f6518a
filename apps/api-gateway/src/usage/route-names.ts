import { readFileSync } from 'node:fs'
import { Injectable } from '@nestjs/common'
import createRouter from 'find-my-way'

/** What every route is called that the OpenAPI document doesn't know. */
export const OTHER = 'other'

interface Document {
  readonly paths: Readonly<Record<string, object>>
}
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Names a request after its route in the OpenAPI document: `GET /v1/products/{id}`. There are as many names as routes. */
@Injectable()
export class RouteNames {
  private readonly router = createRouter({ maxParamLength: 200 })

  constructor() {
    const { paths } = JSON.parse(readFileSync(new URL('../../../openapi.json', import.meta.url), 'utf8')) as Document
    for (const [path, operations] of Object.entries(paths)) {
      for (const method of METHODS) {
        if (!(method.toLowerCase() in operations)) continue
        this.router.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), () => undefined, path)
      }
    }
  }

  /** @param target as it stands in the request line */
  nameOf(method: string, target: string): string {
    const path = this.pathOf(method, target)
    return path === undefined ? OTHER : `${method === 'HEAD' ? 'GET' : method} ${path}`
  }

  /** The template alone: `/v1/products/{id}`; undefined for what the document doesn't know. */
  pathOf(method: string, target: string): string | undefined {
    const path = target.split('?', 1)[0] as string
    return this.router.find((method === 'HEAD' ? 'GET' : method) as 'GET', path)?.store as string | undefined
  }
}
