import type { AddressInfo } from 'node:net'
import { createPsp } from './psp.js'

const { HOST = '127.0.0.1', PORT, DATA_DIR, PSP_API_KEY, PSP_CALLBACK_SECRET, PSP_CALLBACK_URL, PUBLIC_URL } = process.env
if (!PORT || !DATA_DIR) throw new Error('PORT and DATA_DIR must be set: where it listens, and where its ledger is kept')
if (!PSP_API_KEY || !PSP_CALLBACK_SECRET || !PSP_CALLBACK_URL) {
  throw new Error('PSP_API_KEY, PSP_CALLBACK_SECRET and PSP_CALLBACK_URL must be set: who may call, and who is called back')
}

const { server, close } = createPsp({
  folder: DATA_DIR,
  apiKey: PSP_API_KEY,
  callbackUrl: PSP_CALLBACK_URL,
  callbackSecret: PSP_CALLBACK_SECRET,
  publicUrl: PUBLIC_URL,
})
server.listen(Number(PORT), HOST, () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ msg: 'listening', url: `http://${HOST}:${port}` })}\n`)
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, close)
