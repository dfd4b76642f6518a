/** How old a sign-in may be, in seconds, for changing how the account is signed in to. */
export const FRESH_S = 300
