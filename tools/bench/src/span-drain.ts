// Takes whatever is exported to it and forgets it: a collector that costs next to nothing, in a process of its own.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { doJobs } from './worker.js'

let requests = 0
const server = createServer((request, response) => {
  requests++
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
})

export interface DrainState {
  readonly url: string
  /** Exports taken so far. */
  readonly requests: number
}

doJobs(async (): Promise<DrainState> => {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
})
