import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A flag as LaunchDarkly's SDKs read it, as far as tests say it. */
export interface ProvidedFlag {
  readonly variations: readonly unknown[]
  readonly rules?: readonly unknown[]
  readonly fallthrough?: object
  /** Whether each evaluation is told as an event of its own, as in an experiment. */
  readonly trackEvents?: boolean
}

/** LaunchDarkly's side of the stream, as small as it can be: flags that a test sets while services listen, and the events that they send. */
export class TestFlagProvider {
  /** What SDKs have told, in order. */
  readonly events: Record<string, unknown>[] = []
  private readonly streams = new Set<ServerResponse>()
  private readonly flags = new Map<string, object>()
  private version = 0
  private readonly server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    if (!request.url?.startsWith('/all')) {
      request.on('end', () => {
        if (request.url?.startsWith('/bulk') === true) this.events.push(...(JSON.parse(text) as Record<string, unknown>[]))
        response.writeHead(202).end()
      })
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    this.streams.add(response)
    response.on('close', () => this.streams.delete(response))
    say(response, 'put', { path: '/', data: { flags: Object.fromEntries(this.flags), segments: {} } })
  })

  /** @param port 0 for a free one. Answers the address for FLAGS_URL. */
  listen(port = 0): Promise<string> {
    return new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${this.port}`)))
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Gives a flag one value for everybody, or variations with rules. */
  set(key: string, value: boolean | number | string | ProvidedFlag): void {
    const given: ProvidedFlag = typeof value === 'object' ? value : { variations: [value] }
    const rest = { on: true, fallthrough: { variation: 0 }, offVariation: 0, targets: [], rules: [], prerequisites: [], salt: key }
    const flag = { ...rest, ...given, key, version: ++this.version }
    this.flags.set(key, flag)
    for (const stream of this.streams) say(stream, 'patch', { path: `/flags/${key}`, data: flag })
  }

  close(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
}

const say = (stream: ServerResponse, event: string, data: unknown): void => {
  stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}
