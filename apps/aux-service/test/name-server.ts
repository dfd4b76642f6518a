import { createSocket, type Socket } from 'node:dgram'

const TYPE_A = 1
const HEADER_BYTES = 12

/** Where the question ends: after its labels, type and class. */
const endOfQuestion = (query: Buffer): number => {
  let at = HEADER_BYTES
  while ((query[at] ?? 0) !== 0) at += 1 + (query[at] ?? 0)
  return at + 5
}

const recordOf = (address: string): Buffer =>
  Buffer.from([0xc0, 0x0c, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]) // to be kept for no time at all

/** A name server (RFC 1035) on a free port: every name stands for the same addresses, until they are changed. */
export class NameServer {
  addresses: readonly string[] = []

  private constructor(private readonly socket: Socket) {
    socket.on('message', (query, { port, address }) => socket.send(this.answer(query), port, address))
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new NameServer(socket)
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`
  }

  close(): void {
    this.socket.close()
  }

  private answer(query: Buffer): Buffer {
    const end = endOfQuestion(query)
    const records = query.readUInt16BE(end - 4) === TYPE_A ? this.addresses.map(recordOf) : []
    const header = Buffer.alloc(HEADER_BYTES)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180, 2) // an answer, recursion available
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...records])
  }
}
