import { AppError } from '@catamaran/platform'
import { Client, Pool, type Dispatcher } from 'undici'

const CONNECT_MS = 1_000
const IDLE_BODY_MS = 60_000
const CONNECTIONS = 256
const UPLOADS = 16

/** Which connections a request takes: event streams and uploads are long, and have their own. */
export type Lane = 'requests' | 'streams' | 'uploads'

export interface UpstreamOptions {
  /** Requests in hand at most, those that wait for a connection included. */
  maxInFlight: number
}

const connectionOf = (lane: Lane): Client.Options => ({
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: lane === 'streams' ? 0 : IDLE_BODY_MS,
  connect: { timeout: CONNECT_MS },
})

/**
 * The connections to one inner service. Event streams and uploads have pools of their own, so that open ones never keep a request waiting.
 * Connections are given up before the other side would close them (undici: 4 s idle), so that a request seldom meets a closed one.
 */
export class Upstream {
  private inFlight = 0
  private uploads = 0
  private readonly pools: Readonly<Record<Lane, Pool>>

  constructor(
    readonly name: string,
    private readonly url: string,
    private readonly options: UpstreamOptions,
  ) {
    this.pools = {
      requests: new Pool(url, { ...connectionOf('requests'), connections: CONNECTIONS }),
      streams: new Pool(url, { ...connectionOf('streams'), connections: null }),
      uploads: new Pool(url, { ...connectionOf('uploads'), connections: UPLOADS }),
    }
  }

  /** Counts a request in. @throws AppError service.overloaded when too many are in hand */
  enter(lane: Lane): void {
    if (this.inFlight >= this.options.maxInFlight || (lane === 'uploads' && this.uploads >= UPLOADS))
      throw new AppError('service.overloaded')
    this.inFlight++
    if (lane === 'uploads') this.uploads++
  }

  leave(lane: Lane): void {
    this.inFlight--
    if (lane === 'uploads') this.uploads--
  }

  send(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, lane: Lane): void {
    this.pools[lane].dispatch(request, handler)
  }

  /** Sends on a connection made for this one request: when a process stops, all connections kept to it are stale at once. */
  sendAfresh(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, lane: Lane): void {
    const client = new Client(this.url, connectionOf(lane))
    client.dispatch(request, handler)
    void client.close() // once the request is done
  }

  async close(): Promise<void> {
    const { requests, streams, uploads } = this.pools
    await Promise.all([requests.close(), uploads.close(), streams.destroy()])
  }
}
