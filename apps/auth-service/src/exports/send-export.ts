import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { FastifyReply } from 'fastify'

/** Answers with an export as a file to keep; it is unpacked on the way. */
export const sendExport = async (reply: FastifyReply, content: Buffer): Promise<void> => {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': 'attachment; filename="catamaran-export.json"',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  await reply.headers(headers).send(Readable.from([content]).pipe(createGunzip()))
}
