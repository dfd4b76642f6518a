import { dateOf } from './date-of.js'
import type { MailSpec } from './mail.texts.js'

const mail = (spec: MailSpec): MailSpec => spec

const decided = (subject: string, said: (details: Readonly<Record<string, string>>) => string): MailSpec =>
  mail({
    text: (address, details) => ({ subject, text: `${said(details)}\n\nYou get this mail as an owner of the partner at ${address}.\n` }),
  })

/** What is sent about partners. Names and reasons were typed by people: they stand in quotes, and never in a subject. */
export const PARTNER_MAILS = {
  partner_invitation: mail({
    path: '/account/invitation',
    text: (link, { partner = '', role = '' }) => ({
      subject: 'You are invited to join a partner on Catamaran',
      text: `An owner of “${partner}” invites you to join it on Catamaran, as ${role}.

Open this link to accept. You need an account with this email address, and can make one then:

${link}

The link works once, for 7 days. If you don't know who invites you, ignore this mail: nothing happens without you.
`,
    }),
  }),
  partner_approved: decided(
    'Your partner is active',
    ({ partner = '' }) => `“${partner}” was approved: its API keys and clients work from now on.`,
  ),
  partner_rejected: decided(
    'Your partner was not approved',
    ({ partner = '', reason = '' }) => `“${partner}” was not approved. The reason: “${reason}”`,
  ),
  partner_suspended: decided(
    'Your partner was suspended',
    ({ partner = '', reason = '' }) => `“${partner}” was suspended: its API keys and clients don't work for now. The reason: “${reason}”`,
  ),
  webhook_endpoint_disabled: mail({
    text: (address, { endpoint = '', reason = '', time = '' }) => ({
      subject: 'A webhook endpoint was switched off',
      text: `Catamaran has switched off the webhook endpoint ${endpoint} of your partner on ${dateOf(time)}: ${
        reason === 'gone' ? 'it answered 410 Gone.' : 'for a whole day nothing sent to it was answered with success.'
      }

What it missed, and what comes until it is on again, is kept for 30 days. Mend the receiver, enable the endpoint, and have the dead letters sent again:

POST /v1/partner/webhooks/${endpoint}/enable
POST /v1/partner/webhooks/${endpoint}/redeliver

You get this mail as an owner of the partner at ${address}.
`,
    }),
  }),
} as const
