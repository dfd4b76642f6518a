export { Mailbox, type ReceivedMail as Mail } from '@catamaran/testing'
