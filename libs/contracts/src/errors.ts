/** What a caller, a log and a consumer do with an error. `unavailable` means: a dependency is down, the same call may work later. */
export type ErrorKind = 'invalid' | 'unauthenticated' | 'forbidden' | 'not-found' | 'conflict' | 'limited' | 'unavailable' | 'internal'

export interface ErrorSpec {
  readonly kind: ErrorKind
  readonly status: number
  readonly title: string
  /** What to do about it, shown as `detail` where the thrower gives none, and on the code's page. */
  readonly advice: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Whether repeating the same request can succeed. */
  readonly retry: boolean
}

const LEVELS: Record<ErrorKind, ErrorSpec['level']> = {
  invalid: 'info',
  unauthenticated: 'info',
  forbidden: 'warn',
  'not-found': 'info',
  conflict: 'info',
  limited: 'info',
  unavailable: 'warn',
  internal: 'error',
}
const error = (kind: ErrorKind, status: number, title: string, advice: string): ErrorSpec => ({
  kind,
  status,
  title,
  advice,
  level: LEVELS[kind],
  retry: kind === 'unavailable' || kind === 'limited',
})

/** Every error the system answers with. One row a code: nothing is thrown that doesn't stand here. */
export const ERRORS = {
  'request.invalid': error('invalid', 400, 'The request is not valid', 'Mend what `errors` lists and send it again.'),
  'request.malformed-json': error(
    'invalid',
    400,
    'The body is not JSON',
    'Send a JSON document (RFC 8259) with Content-Type: application/json.',
  ),
  'request.invalid-cursor': error(
    'invalid',
    400,
    'The cursor is not valid',
    'Use the `nextCursor` of the page before, with the same filters.',
  ),
  'request.too-large': error('invalid', 413, 'The body is too large', 'Send less in one request.'),
  'request.headers-too-large': error('invalid', 431, 'The URL or the headers are too large', 'Send less than 16 KiB of URL and headers.'),
  'request.timeout': error('invalid', 408, 'The request did not arrive in time', 'Send it again, and faster.'),
  'request.unsupported-media-type': error('invalid', 415, 'The media type is not supported', 'Send Content-Type: application/json.'),
  'request.route-not-found': error('not-found', 404, 'There is nothing at this address', 'The reference at /docs lists every route.'),
  'request.method-not-allowed': error(
    'invalid',
    405,
    'This address does not take that method',
    'The Allow header lists the methods it takes.',
  ),
  'request.rate-limited': error('limited', 429, 'Too many requests', 'Wait for the seconds in Retry-After.'),
  'request.precondition-failed': error('conflict', 412, 'It was changed meanwhile', 'Read it again, and send its new ETag in If-Match.'),
  'request.precondition-required': error('invalid', 428, 'If-Match is needed', 'Read it first, and send its ETag in If-Match.'),
  'request.idempotency-key-missing': error(
    'invalid',
    400,
    'An Idempotency-Key is needed',
    'Send a fresh Idempotency-Key with each new order, and the same one when you retry.',
  ),
  'request.idempotency-key-reused': error(
    'invalid',
    422,
    'The Idempotency-Key was used for another request',
    'Use a fresh Idempotency-Key for a different body.',
  ),
  'request.idempotency-in-progress': error(
    'conflict',
    409,
    'The first request with this Idempotency-Key is still running',
    'Retry with the same key in a moment.',
  ),
  'auth.token-missing': error('unauthenticated', 401, 'Sign-in is needed', 'Send Authorization: Bearer with an access token.'),
  'auth.token-invalid': error('unauthenticated', 401, 'The access token is not valid', 'Get a new access token.'),
  'auth.token-expired': error('unauthenticated', 401, 'The access token has expired', 'Use the refresh token to get a new one.'),
  'auth.token-revoked': error('unauthenticated', 401, 'The sign-in or key was ended', 'Sign in again, or use another key.'),
  'auth.api-key-malformed': error(
    'unauthenticated',
    401,
    'This is not a whole API key',
    'Its checksum does not fit: copy it again, from `cat_` to the end.',
  ),
  'auth.api-key-invalid': error('unauthenticated', 401, 'The API key is not valid', 'It is unknown, expired or revoked: make a new one.'),
  'auth.step-up-needed': error(
    'unauthenticated',
    401,
    'A fresh sign-in is needed',
    'Send the person through sign-in again with the `max_age` and `acr_values` of WWW-Authenticate (RFC 9470).',
  ),
  'auth.address-not-allowed': error(
    'forbidden',
    403,
    'The API key may not be used from here',
    'Add this address to the allow-list of the key.',
  ),
  'auth.role-missing': error('forbidden', 403, 'Your role does not allow that', 'Ask an owner of the partner for a higher role.'),
  'auth.scope-missing': error('forbidden', 403, 'The access token lacks a scope', 'Ask for the scope at sign-in.'),
  'auth.caller-not-allowed': error(
    'forbidden',
    403,
    'This service may not call this route',
    'The call table in libs/contracts lists who may call whom.',
  ),
  'identity.link-invalid': error('invalid', 400, 'The link is not valid any more', 'Ask for a new mail.'),
  'identity.email-taken': error('conflict', 409, 'The address has an account already', 'Change the address of that account first.'),
  'identity.password-refused': error('invalid', 422, 'The password can’t be used', 'Choose another one: a few words in a row do well.'),
  'identity.password-wrong': error('invalid', 422, 'The password is not right', 'Type the password that you have now.'),
  'identity.code-invalid': error(
    'invalid',
    422,
    'The code is not right',
    'Type the newest code of your app, or a recovery code that you have not used.',
  ),
  'identity.totp-on': error('conflict', 409, 'Codes are switched on already', 'Switch them off first to use another app.'),
  'identity.totp-off': error('conflict', 409, 'Codes are not switched on', 'Start with POST /v1/me/totp.'),
  'identity.passkey-invalid': error(
    'invalid',
    422,
    'The passkey was not accepted',
    'Start again; a challenge works once, for five minutes.',
  ),
  'identity.passkey-not-found': error('not-found', 404, 'There is no such passkey', 'Look at the list of your passkeys.'),
  'identity.passkey-limit': error('conflict', 409, 'There are too many passkeys', 'Remove one that is not used.'),
  'identity.session-not-found': error('not-found', 404, 'There is no such session', 'It may have ended.'),
  'identity.export-not-found': error('not-found', 404, 'There is no such export', 'It may have expired: ask for a new one.'),
  'identity.export-pending': error('conflict', 409, 'The export is not ready yet', 'Wait for the mail, or look at its status.'),
  'identity.sole-owner': error('conflict', 409, 'A partner would be left without an owner', 'Make somebody else an owner first.'),
  'identity.account-closed': error('conflict', 409, 'The account is closed', 'Nothing can be changed in it any more.'),
  'partners.not-found': error('not-found', 404, 'There is no such partner', 'Check the id, or the Catamaran-Partner header.'),
  'partners.ambiguous': error('invalid', 400, 'You are a member of several partners', 'Name one of them in the Catamaran-Partner header.'),
  'partners.not-active': error('conflict', 409, 'The partner is not active', 'It waits for approval, or was suspended.'),
  'partners.member-not-found': error('not-found', 404, 'There is no such member', 'Look at the list of members.'),
  'partners.invitation-not-found': error('not-found', 404, 'There is no such invitation', 'It may have been used or have expired.'),
  'partners.key-not-found': error('not-found', 404, 'There is no such API key', 'Look at the list of keys.'),
  'partners.key-limit': error('conflict', 409, 'The plan allows no more keys', 'Revoke one that is not used, or ask for a larger plan.'),
  'partners.client-not-found': error('not-found', 404, 'There is no such client', 'Look at the list of clients.'),
  'partners.pending-limit': error('conflict', 409, 'Too many partners of yours wait for approval', 'Wait until one of them was looked at.'),
  'partners.wrong-status': error('conflict', 409, 'The partner’s status does not allow that', 'Look at its status.'),
  'partners.plan-not-found': error('invalid', 422, 'There is no such plan', 'GET /v1/plans lists them.'),
  'partners.already-member': error('conflict', 409, 'They are a member already', 'Change the role of the member instead.'),
  'partners.invitation-limit': error('conflict', 409, 'Too many invitations are open', 'Withdraw some, or wait until they expire.'),
  'partners.key-rotated': error('conflict', 409, 'The key was rotated already', 'Rotate the key that follows it.'),
  'partners.client-limit': error(
    'conflict',
    409,
    'The plan allows no more clients',
    'Revoke one that is not used, or ask for a larger plan.',
  ),
  'catalogue.product-not-found': error('not-found', 404, 'There is no such product', 'It may have been withdrawn.'),
  'catalogue.sku-taken': error(
    'conflict',
    409,
    'The SKU is taken',
    'Another product of yours has it: change that one, or take another SKU.',
  ),
  'catalogue.stock-out-of-range': error('conflict', 409, 'The stock can’t be that', 'Between 0 and 100,000,000 pieces can be available.'),
  'catalogue.import-not-found': error('not-found', 404, 'There is no such import', 'None of its lines is done: send it from the first.'),
  'catalogue.import-gap': error(
    'conflict',
    409,
    'The import has a gap',
    'Send it from the line after `linesDone`, or from an earlier one.',
  ),
  'cart.line-limit': error('invalid', 422, 'The cart cannot take that', 'A cart holds at most 100 lines and 999 pieces of each product.'),
  'orders.not-found': error('not-found', 404, 'There is no such order', 'Check the id.'),
  'orders.product-not-found': error('invalid', 422, 'A product is not for sale', 'Take it out of the order.'),
  'orders.out-of-stock': error('conflict', 409, 'Not enough is in stock', 'Order less of it, or something else.'),
  'orders.total-changed': error('conflict', 409, 'The price has changed', 'Look at the new total and order again.'),
  'orders.mixed-currencies': error('invalid', 422, 'The products are sold in different currencies', 'Place one order for each currency.'),
  'orders.cart-empty': error('conflict', 409, 'The cart is empty', 'Put something in, or send `lines`.'),
  'orders.cart-changed': error('conflict', 409, 'The cart has changed', 'Read the cart again and send its new version.'),
  'orders.cart-already-ordered': error('conflict', 409, 'This cart was already ordered', 'Look at your orders.'),
  'orders.not-cancellable': error('conflict', 409, 'The order can’t be cancelled any more', 'What was shipped can be returned instead.'),
  'orders.payment-method-refused': error('invalid', 422, 'The payment method can’t be used', 'Send a token of the payment provider.'),
  'fulfilments.not-found': error('not-found', 404, 'There is no such fulfilment', 'Look at the list of fulfilments.'),
  'fulfilments.wrong-status': error('conflict', 409, 'The fulfilment’s status does not allow that', 'Look at its status.'),
  'returns.not-found': error('not-found', 404, 'There is no such return', 'Look at the list of returns.'),
  'returns.not-possible': error(
    'conflict',
    409,
    'That can’t be returned',
    'Only shipped pieces, each once, and within the time for returns.',
  ),
  'returns.wrong-status': error('conflict', 409, 'The return was decided already', 'Look at its status.'),
  'payments.signature-invalid': error('unauthenticated', 401, 'The signature is not valid', 'Sign the body with the shared secret.'),
  'payments.operation-not-found': error('not-found', 404, 'There is no such payment operation', 'It may have ended: look at the list.'),
  'payments.operation-not-stuck': error('conflict', 409, 'The payment operation is not stuck', 'It is tried by itself, or has ended.'),
  'service.overloaded': error('unavailable', 503, 'Too much at once', 'Retry after the seconds in Retry-After.'),
  'service.unavailable': error('unavailable', 503, 'A part of the system is not available', 'Retry after the seconds in Retry-After.'),
  'service.timeout': error('unavailable', 504, 'The answer took too long', 'Retry; with an Idempotency-Key nothing happens twice.'),
  internal: error('internal', 500, 'Something went wrong on our side', 'Tell us the requestId.'),
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS
