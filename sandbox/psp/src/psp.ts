import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Callbacks } from './callbacks.js'
import { Database } from './database.js'
import { Faults } from './faults.js'
import { createHttp } from './http.js'
import { Idempotency } from './idempotency.js'
import { Payments } from './payments.js'
import { Provider } from './provider.js'
import { Store } from './store.js'

export interface Options {
  /** Where the ledger is kept; in memory without it. */
  readonly folder?: string | undefined
  readonly apiKey: string
  readonly callbackUrl: string
  readonly callbackSecret: string
  /** As browsers reach it; by default on the port it listens on. */
  readonly publicUrl?: string | undefined
}

export interface Psp {
  readonly server: Server
  /** Lets no new call in and ends the running ones; what they had committed stays. */
  readonly close: () => void
}

/** The card processor: ready to listen, with what an earlier process left unfinished already going on. */
export function createPsp({ folder, apiKey, callbackUrl, callbackSecret, publicUrl }: Options): Psp {
  const database = new Database(folder)
  const store = new Store(database)
  const callbacks = new Callbacks(database, callbackUrl, callbackSecret)
  let base = publicUrl
  const payments = new Payments(store, callbacks, () => base ?? '')
  const faults = new Faults(database)
  const provider = new Provider({ database, store, payments, callbacks, idempotency: new Idempotency(database), faults })
  const server = createHttp({ provider, payments, store, faults, callbacks }, apiKey)
  server.once('listening', () => {
    base ??= `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    provider.start().catch((error: unknown) => process.stderr.write(`what was left unfinished failed: ${String(error)}\n`))
  })
  return {
    server,
    close: () => {
      server.close()
      server.closeAllConnections()
      provider.close()
      callbacks.close()
      database.close()
    },
  }
}
