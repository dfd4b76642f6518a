import { AppError } from '@catamaran/platform'
import { Pool, type Dispatcher } from 'undici'

const CONNECT_MS = 1_000
const IDLE_BODY_MS = 60_000
const CONNECTIONS = 256

export interface UpstreamOptions {
  /** Requests in hand at most, those that wait for a connection included. */
  maxInFlight: number
}

/**
 * The connections to one inner service. Event streams have a pool of their own, so that open streams never keep a request waiting.
 * Connections are given up before the other side would close them (undici: 4 s idle), so that a request seldom meets a closed one.
 */
export class Upstream {
  private inFlight = 0
  private readonly requests: Pool
  private readonly streams: Pool

  constructor(
    readonly name: string,
    url: string,
    private readonly options: UpstreamOptions,
  ) {
    const shared = { pipelining: 1, headersTimeout: 0, connect: { timeout: CONNECT_MS } }
    this.requests = new Pool(url, { ...shared, connections: CONNECTIONS, bodyTimeout: IDLE_BODY_MS })
    this.streams = new Pool(url, { ...shared, connections: null, bodyTimeout: 0 })
  }

  /** Counts a request in. @throws AppError service.overloaded when too many are in hand */
  enter(): void {
    if (this.inFlight >= this.options.maxInFlight) throw new AppError('service.overloaded')
    this.inFlight++
  }

  leave(): void {
    this.inFlight--
  }

  send(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, isStream: boolean): void {
    ;(isStream ? this.streams : this.requests).dispatch(request, handler)
  }

  async close(): Promise<void> {
    await Promise.all([this.requests.close(), this.streams.destroy()])
  }
}
