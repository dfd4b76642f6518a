export interface MailText {
  readonly subject: string
  readonly text: string
}

/** The mail with the link that confirms an address. `link` holds a secret: this text is never logged. */
export const verifyEmail = (link: string): MailText => ({
  subject: 'Confirm your email address',
  text: `Welcome to Catamaran.

Open this link to confirm your email address, then press the button on the page:

${link}

The link works once, for 24 hours. If you did not ask for an account, ignore this mail: without your confirmation there will be none.
`,
})

export const alreadyRegistered = (signInHint: string): MailText => ({
  subject: 'You already have an account',
  text: `Somebody, probably you, has just asked for a new Catamaran account with this email address. There is one already, and nothing about it was changed.

To use it, sign in with your password in the app or shop you came from (${signInHint}). If it was not you, there is nothing to do.
`,
})
