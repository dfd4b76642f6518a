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
  account_closed: spec({
    text: (address) => ({
      subject: 'Your account is closed',
      text: `Your Catamaran account is closed, as you asked, and nobody can sign in to it any more (${address}).

What we hold about you is being erased. Orders that are under way are still carried out; your name and address go from each as soon as it has ended. Finished orders stay in our books without them.

This is the last mail about this account. If it was not you who closed it, somebody had your password: tell our support at once, and change it wherever else you use it.
`,
    }),
  }),
  export_ready: spec({
    path: '/account/export',
    text: (link) => ({
      subject: 'Your data is ready',
      text: `Here is what Catamaran holds about you, as one JSON file. Open this link, then press the button on the page:

${link}

The link works once, for 24 hours, and for whoever has it: don't pass it on. If you did not ask for this, somebody is signed in to your account: change your password.
`,
    }),
  }),
  export_ready_signed_in: spec({
    text: (address) => ({
      subject: 'Your data is ready',
      text: `What Catamaran holds about you is ready as one JSON file, for 24 hours. As your account has a second factor, this mail has no link to it: sign in where you asked for it and fetch it there (${address}).

If you did not ask for this, somebody is signed in to your account: change your password.
`,
    }),
  }),
} as const

export type MailKind = keyof typeof MAILS

/** The mail of a kind. `secret` is its link's, where it has one. */
export const mailTextOf = (kind: MailKind, publicUrl: string, secret: string, details: MailDetails): MailText => {
  const { path, text }: MailSpec = MAILS[kind]
  return text(path === undefined ? publicUrl : `${publicUrl}${path}?token=${secret}`, details)
}

export const hasLink = (kind: MailKind): boolean => (MAILS[kind] as MailSpec).path !== undefined
