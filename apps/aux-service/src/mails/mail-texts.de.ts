import type { Templates } from './mail-texts.js'

const REASONS: Readonly<Record<string, string>> = {
  hold_expired: 'Sie wurde nicht rechtzeitig bezahlt, die Ware ist wieder im Verkauf. Es wurde nichts abgebucht.',
  payment_declined: 'Die Zahlung wurde abgelehnt, es wurde nichts abgebucht. Sie können mit einer anderen Karte neu bestellen.',
  buyer: 'Sie haben darum gebeten. Der auf Ihrer Karte reservierte Betrag wird freigegeben.',
  seller: 'Der Verkäufer kann nicht liefern. Der auf Ihrer Karte reservierte Betrag wird freigegeben.',
}

/** What buyers are told, in German. */
export const DE: Templates = {
  greeting: 'Guten Tag,',
  closing: 'Sie erhalten diese Mail, weil Sie bei Catamaran bestellt haben. In Ihren Benachrichtigungen können Sie solche Mails abstellen.',
  lines: { shipping: 'Versand', total: 'Summe', confirm: 'Zahlung bestätigen' },
  kinds: {
    order_placed: ({ orderId }) => ({
      subject: 'Ihre Bestellung ist eingegangen',
      paragraphs: [`Ihre Bestellung ${orderId} ist bei uns eingegangen. Sobald die Zahlung bestätigt ist, melden wir uns wieder.`],
    }),
    order_confirmed: ({ orderId }) => ({
      subject: 'Ihre Bestellung ist bestätigt',
      paragraphs: [`Ihre Bestellung ${orderId} ist bezahlt und wird nun von den Verkäufern vorbereitet.`],
    }),
    payment_action_required: ({ orderId, total }) => ({
      subject: 'Bitte bestätigen Sie Ihre Zahlung',
      paragraphs: [
        `Ihre Bank bittet Sie, die Zahlung von ${total} für Ihre Bestellung ${orderId} zu bestätigen. Sonst wird sie storniert. Hier geht es weiter:`,
      ],
    }),
    order_cancelled: ({ orderId, cancelReason }) => ({
      subject: 'Ihre Bestellung wurde storniert',
      paragraphs: [`Ihre Bestellung ${orderId} wurde storniert.`, REASONS[cancelReason] ?? ''],
    }),
    order_shipped: ({ orderId, carrier, trackingNumber }) => ({
      subject: 'Ihre Bestellung ist unterwegs',
      paragraphs: [
        `Ein Teil Ihrer Bestellung ${orderId} wurde versandt${carrier === '' ? '' : `, mit ${carrier}`}.`,
        trackingNumber === '' ? '' : `Sendungsnummer: ${trackingNumber}`,
      ],
    }),
    return_accepted: ({ orderId, amount }) => ({
      subject: 'Ihre Rücksendung wurde angenommen',
      paragraphs: [`Der Verkäufer hat Ihre Rücksendung aus der Bestellung ${orderId} angenommen. Sie erhalten ${amount} zurück.`],
    }),
    return_refused: ({ orderId }) => ({
      subject: 'Ihre Rücksendung wurde abgelehnt',
      paragraphs: [`Der Verkäufer hat Ihre Rücksendung aus der Bestellung ${orderId} abgelehnt. Dafür wird nichts erstattet.`],
    }),
    refunded: ({ orderId, amount }) => ({
      subject: 'Sie haben Geld zurückbekommen',
      paragraphs: [
        `${amount} aus Ihrer Bestellung ${orderId} gehen zurück auf Ihre Karte. Bis Ihre Bank es zeigt, kann es einige Tage dauern.`,
      ],
    }),
  },
}
