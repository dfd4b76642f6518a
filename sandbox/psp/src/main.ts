import { createPsp } from './psp.js'

const { HOST = '127.0.0.1', PORT } = process.env
if (!PORT) throw new Error('PORT is missing: set it to the port to listen on')
const server = createPsp().listen(Number(PORT), HOST)
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
