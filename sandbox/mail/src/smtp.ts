import { buffer } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import type { Mailbox } from './mailbox.js'
import { parseMail } from './message.js'

const MAX_MAIL_BYTES = 1024 * 1024

/** A mail server that takes every mail for everybody and delivers none further. No authentication, no TLS: for one machine only. */
export const createSmtp = (mailbox: Mailbox): SMTPServer =>
  new SMTPServer({
    banner: 'Catamaran sandbox mailbox',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: MAX_MAIL_BYTES,
    maxClients: 50,
    socketTimeout: 30_000,
    closeTimeout: 500,
    onData(stream, session, callback) {
      const { mailFrom, rcptTo } = session.envelope
      buffer(stream)
        .then(async (raw) => {
          if (stream.sizeExceeded) throw Object.assign(new Error(`A mail may have ${MAX_MAIL_BYTES} bytes`), { responseCode: 552 })
          await mailbox.add(await parseMail(raw, { from: mailFrom ? mailFrom.address : '', to: rcptTo.map(({ address }) => address) }))
        })
        .then(() => callback(), callback)
    },
  })
