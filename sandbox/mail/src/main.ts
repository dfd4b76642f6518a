import { createHttp } from './http.js'
import { Mailbox } from './mailbox.js'
import { createSmtp } from './smtp.js'

const { HOST = '127.0.0.1', PORT, SMTP_PORT, DATA_DIR } = process.env
if (!PORT || !SMTP_PORT) throw new Error('PORT and SMTP_PORT must be set: the ports of the pages and of the mail server')

const closing = new AbortController()
const mailbox = await Mailbox.open(DATA_DIR || undefined)
const smtp = createSmtp(mailbox)
smtp.on('error', (error) => process.stderr.write(`smtp: ${error.message}\n`))
smtp.listen(Number(SMTP_PORT), HOST)
const http = createHttp(mailbox, closing.signal).listen(Number(PORT), HOST)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    closing.abort()
    smtp.close()
    http.close()
    http.closeIdleConnections()
  })
}
