import { createPartner } from './partner.js'

const { HOST = '127.0.0.1', PORT, DATA_DIR, WEBHOOK_SECRETS = '' } = process.env
if (!PORT) throw new Error('PORT is missing: set it to the port to listen on')

const secrets = WEBHOOK_SECRETS.split(',').filter((secret) => secret !== '')
const { server, close } = createPartner({ folder: DATA_DIR || undefined, secrets })
server.listen(Number(PORT), HOST)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, close)
