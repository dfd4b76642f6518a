import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mail, Message } from './message.js'

const MAX_MESSAGES = 1_000
/** Memory counts: the oldest mails go when all together are larger. */
const MAX_TOTAL_CHARACTERS = 8 * 1024 * 1024
const FILE = /^[0-9a-z]+\.json$/

export interface Query {
  /** Only mails to this address, compared without regard to case. */
  to?: string | undefined
  /** Only mails that arrived after the one with this id. */
  after?: string | undefined
}

const sizeOf = ({ text, html = '' }: Message) => text.length + html.length
const matches = (message: Message, { to, after }: Query) =>
  (after === undefined || message.id > after) &&
  (to === undefined || message.to.some((address) => address.toLowerCase() === to.toLowerCase()))

/** The mails received, oldest first, in memory and, with a folder, as one JSON file each. Bounded in number and size. */
export class Mailbox {
  private messages: Message[] = []
  private totalSize = 0
  private lastTime = 0
  private readonly arrivals = new Set<() => void>()

  private constructor(private readonly folder: string | undefined) {}

  /** @param folder where mails are kept across restarts; without it they live in memory only */
  static async open(folder?: string): Promise<Mailbox> {
    const mailbox = new Mailbox(folder)
    if (folder === undefined) return mailbox
    await mkdir(folder, { recursive: true })
    for (const file of (await readdir(folder)).filter((name) => FILE.test(name)).toSorted()) {
      const message = JSON.parse(await readFile(join(folder, file), 'utf8')) as Message
      mailbox.messages.push(message)
      mailbox.totalSize += sizeOf(message)
      mailbox.lastTime = Date.parse(message.receivedAt)
    }
    await mailbox.dropOldest()
    return mailbox
  }

  /** Keeps a mail: it is in its file before this resolves. */
  async add(mail: Mail): Promise<Message> {
    // Two mails of one millisecond get two times, so an id says the order of arrival, also after the clock was set back.
    this.lastTime = Math.max(Date.now(), this.lastTime + 1)
    const message: Message = { id: this.lastTime.toString(36).padStart(9, '0'), receivedAt: new Date(this.lastTime).toISOString(), ...mail }
    if (this.folder !== undefined) {
      const file = join(this.folder, `${message.id}.json`)
      await writeFile(`${file}.part`, JSON.stringify(message))
      await rename(`${file}.part`, file)
    }
    // Writes may end in another order than they began.
    const place = this.messages.findLastIndex(({ id }) => id < message.id) + 1
    this.messages.splice(place, 0, message)
    this.totalSize += sizeOf(message)
    await this.dropOldest()
    for (const tell of [...this.arrivals]) tell()
    return message
  }

  find(id: string): Message | undefined {
    return this.messages.find((message) => message.id === id)
  }

  list(query: Query = {}): Message[] {
    return this.messages.filter((message) => matches(message, query))
  }

  /** The mails that match, at once when there are any, else as soon as one arrives; none when `signal` aborts first. */
  async waitFor(query: Query, signal: AbortSignal): Promise<Message[]> {
    for (let found = this.list(query); ; found = this.list(query)) {
      if (found.length > 0 || signal.aborted) return found
      await new Promise<void>((resolve) => {
        const done = () => {
          this.arrivals.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.arrivals.add(done)
        signal.addEventListener('abort', done)
      })
    }
  }

  async clear(): Promise<void> {
    const gone = this.messages
    this.messages = []
    this.totalSize = 0
    await this.removeFiles(gone)
  }

  private async dropOldest(): Promise<void> {
    let count = 0
    while (this.messages.length - count > MAX_MESSAGES || (this.totalSize > MAX_TOTAL_CHARACTERS && this.messages.length - count > 1)) {
      this.totalSize -= sizeOf(this.messages[count] as Message)
      count++
    }
    if (count > 0) await this.removeFiles(this.messages.splice(0, count))
  }

  private async removeFiles(messages: readonly Message[]): Promise<void> {
    if (this.folder === undefined) return
    for (const { id } of messages) await rm(join(this.folder, `${id}.json`), { force: true })
  }
}
