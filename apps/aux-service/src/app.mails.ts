import { HttpClient, ServiceTokens } from '@catamaran/platform'
import { CONFIG, CORE, type Config } from './config.js'
import { MailWorker } from './mails/mail-worker.js'
import { MailsConsumer } from './mails/mails.consumer.js'
import { MailsRepository } from './mails/mails.repository.js'
import { MailsService } from './mails/mails.service.js'

const coreOf = ({ service, coreUrl }: Config): HttpClient =>
  new HttpClient(coreUrl, new ServiceTokens({ ...service, service: 'aux-service', keyFile: service.serviceKeyFile }))

/** Mails to buyers: the queue, and what empties it. */
export const MAILS = {
  controllers: [MailsConsumer],
  providers: [{ provide: CORE, inject: [CONFIG], useFactory: coreOf }, MailsRepository, MailsService, MailWorker],
}
