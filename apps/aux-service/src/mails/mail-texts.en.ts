import type { Templates } from './mail-texts.js'

const REASONS: Readonly<Record<string, string>> = {
  hold_expired: 'It was not paid in time, so what was kept for you is for sale again. Nothing was charged.',
  payment_declined: 'The payment was declined, and nothing was charged. You can order again with another card.',
  buyer: 'You asked for it. What was reserved on your card is released.',
  seller: 'The seller cannot deliver it. What was reserved on your card is released.',
}

/** What buyers are told, in English. */
export const EN: Templates = {
  greeting: 'Hello,',
  closing: 'You get this mail because you ordered at Catamaran. You can switch such mails off among your notifications.',
  lines: { shipping: 'Shipping', total: 'Total', confirm: 'Confirm the payment' },
  kinds: {
    order_placed: ({ orderId }) => ({
      subject: 'We have your order',
      paragraphs: [`We have received your order ${orderId}. You will hear from us once its payment is confirmed.`],
    }),
    order_confirmed: ({ orderId }) => ({
      subject: 'Your order is confirmed',
      paragraphs: [`Your order ${orderId} is paid for, and its sellers are getting it ready.`],
    }),
    payment_action_required: ({ orderId, total }) => ({
      subject: 'Please confirm your payment',
      paragraphs: [
        `Your bank asks you to confirm the payment of ${total} for your order ${orderId}. Without it the order will be cancelled. Do it here:`,
      ],
    }),
    order_cancelled: ({ orderId, cancelReason }) => ({
      subject: 'Your order was cancelled',
      paragraphs: [`Your order ${orderId} was cancelled.`, REASONS[cancelReason] ?? ''],
    }),
    order_shipped: ({ orderId, carrier, trackingNumber }) => ({
      subject: 'Your order is on its way',
      paragraphs: [
        `A part of your order ${orderId} was shipped${carrier === '' ? '' : ` with ${carrier}`}.`,
        trackingNumber === '' ? '' : `Tracking number: ${trackingNumber}`,
      ],
    }),
    return_accepted: ({ orderId, amount }) => ({
      subject: 'Your return was accepted',
      paragraphs: [`The seller has accepted your return from order ${orderId}. ${amount} will be paid back.`],
    }),
    return_refused: ({ orderId }) => ({
      subject: 'Your return was refused',
      paragraphs: [`The seller has refused your return from order ${orderId}. Nothing is paid back for it.`],
    }),
    refunded: ({ orderId, amount }) => ({
      subject: 'We have paid you back',
      paragraphs: [`${amount} of your order ${orderId} went back to your card. Your bank may take a few days to show it.`],
    }),
  },
}
