import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Harness } from './harness.js'

const MAIN = fileURLToPath(new URL('../../../../sandbox/psp/dist/src/main.js', import.meta.url))
export const PSP_SECRETS = { PSP_API_KEY: 'psp-test-key', PSP_CALLBACK_SECRET: 'psp-test-callback-secret' }

export interface PspPayment {
  id: string
  status: string
  amountMinor: number
  authorisedMinor: number
  capturedMinor: number
  voidedMinor: number
  expiredMinor: number
  refundedMinor: number
  openMinor: number
  nextAction: { url: string } | null
}

/** The sandbox's payment provider in a process of its own, and a door like the gateway's through which its callbacks reach a core-service. */
export class Psp {
  /** Where callbacks go on to; set it once the service listens. */
  core = ''

  private constructor(
    readonly url: string,
    private readonly door: Server,
    private child: ChildProcess,
    private readonly env: Record<string, string>,
    private readonly folder: string,
  ) {}

  /** Starts it; `harness()` gives the service token that a callback needs. */
  static async start(harness: () => Harness): Promise<Psp> {
    const folder = mkdtempSync(join(tmpdir(), 'catamaran-psp-'))
    const door = createServer((incoming, outgoing) => {
      const pass = async (): Promise<void> => {
        const headers = { ...incoming.headers, 'x-service-token': await harness().issuer.serviceToken('api-gateway') }
        const onward = httpRequest(psp.core + incoming.url, { method: incoming.method ?? 'POST', headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502)
          answer.pipe(outgoing)
        })
        // The provider may be killed in the midst of a callback: what has come of it is given up.
        pipeline(incoming, onward, (error) => error && outgoing.destroy())
      }
      pass().catch(() => outgoing.destroy())
    })
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
    const env = {
      PORT: '0',
      DATA_DIR: folder,
      ...PSP_SECRETS,
      PSP_CALLBACK_URL: `http://127.0.0.1:${(door.address() as AddressInfo).port}/v1/payments/callbacks`,
    }
    const { child, url } = await launch(env)
    const psp = new Psp(url, door, child, env, folder)
    return psp
  }

  /** Kills it and starts it again on the same ledger and port. */
  async restart(): Promise<void> {
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
    this.child = (await launch({ ...this.env, PORT: new URL(this.url).port })).child
  }

  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${PSP_SECRETS.PSP_API_KEY}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(5_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** The provider's payments for an order, newest first. */
  async paymentsOf(orderId: string): Promise<PspPayment[]> {
    return (await this.call<{ data: PspPayment[] }>('GET', `/v1/payments?reference=${orderId}`)).data
  }

  async close(): Promise<void> {
    this.child.kill('SIGKILL')
    this.door.close()
    this.door.closeAllConnections()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const launch = async (env: Record<string, string>): Promise<{ child: ChildProcess; url: string }> => {
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, url: (JSON.parse(line) as { url: string }).url }
}
