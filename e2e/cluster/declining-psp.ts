import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface DecliningPsp {
  readonly port: number
  readonly close: () => void
}

/** A way to the sandbox's payment provider on which every card becomes one that is declined: what a fault in a release's payment code would look like. */
export const decliningPsp = async (psp: string): Promise<DecliningPsp> => {
  const server = createServer((incoming, outgoing) => {
    let text = ''
    incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    incoming.on('end', () => {
      const body = text.replace(/"paymentMethod":"[^"]*"/, '"paymentMethod":"card_declined"')
      const headers = { ...incoming.headers, ...(text !== '' && { 'content-length': String(Buffer.byteLength(body)) }) }
      const passed = request(psp + incoming.url, { method: incoming.method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      passed.on('error', () => outgoing.destroy()).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { port: (server.address() as AddressInfo).port, close }
}
