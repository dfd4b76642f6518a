import { createPartner } from './partner.js'

const { HOST = '127.0.0.1', PORT } = process.env
if (!PORT) throw new Error('PORT is missing: set it to the port to listen on')
const server = createPartner().listen(Number(PORT), HOST)
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
