import type { MailDetails } from './mail.repository.js'

interface MailText {
  readonly subject: string
  readonly text: string
}

interface MailSpec {
  /** The page that its link opens, with `?token=`; undefined for a mail without a link. */
  readonly path?: string
  /** `link` holds a secret, or is our public address where there is no path. The text is never logged. */
  readonly text: (link: string, details: MailDetails) => MailText
}

const spec = (mail: MailSpec): MailSpec => mail

/** A mail that tells of a change which a thief would make too. */
const changed = (subject: string, what: (details: MailDetails) => string): MailSpec =>
  spec({
    text: (address, details) => ({
      subject,
      text: `${what(details)}

If it was you, there is nothing to do. If it was not, sign in at ${address}/account, change your password and look at what can sign in.
`,
    }),
  })

/** Every mail that auth-service sends, by its kind. */
export const MAILS = {
  verify_email: spec({
    path: '/account/verify-email',
    text: (link) => ({
      subject: 'Confirm your email address',
      text: `Welcome to Catamaran.

Open this link to confirm your email address, then press the button on the page:

${link}

The link works once, for 24 hours. If you did not ask for an account, ignore this mail: without your confirmation there will be none.
`,
    }),
  }),
  already_registered: spec({
    text: (address) => ({
      subject: 'You already have an account',
      text: `Somebody, probably you, has just asked for a new Catamaran account with this email address. There is one already, and nothing about it was changed.

To use it, sign in with your password in the app or shop you came from (${address}). If it was not you, there is nothing to do.
`,
    }),
  }),
  passkey_added: changed(
    'A passkey was added to your account',
    ({ name = '' }) => `The passkey “${name}” can now sign in to your Catamaran account.`,
  ),
  passkey_removed: changed(
    'A passkey was removed from your account',
    ({ name = '' }) => `The passkey “${name}” can no longer sign in to your Catamaran account.`,
  ),
  totp_on: changed(
    'Codes at sign-in were switched on',
    () => 'From now on, signing in to your Catamaran account with the password needs a code of your authenticator app as well.',
  ),
  totp_off: changed(
    'Codes at sign-in were switched off',
    () => 'Signing in to your Catamaran account needs no code of an authenticator app any more. Your recovery codes no longer work.',
  ),
  recovery_codes_renewed: changed(
    'You have new recovery codes',
    () => 'New recovery codes were made for your Catamaran account. The old ones no longer work.',
  ),
  recovery_code_used: changed(
    'A recovery code was used',
    ({ left = '' }) => `Somebody signed in to your Catamaran account with a recovery code. ${left} of them are left.`,
  ),
} as const

export type MailKind = keyof typeof MAILS

/** The mail of a kind. `secret` is its link's, where it has one. */
export const mailTextOf = (kind: MailKind, publicUrl: string, secret: string, details: MailDetails): MailText => {
  const { path, text }: MailSpec = MAILS[kind]
  return text(path === undefined ? publicUrl : `${publicUrl}${path}?token=${secret}`, details)
}

export const hasLink = (kind: MailKind): boolean => (MAILS[kind] as MailSpec).path !== undefined
