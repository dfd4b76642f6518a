import { createHash } from 'node:crypto'

/** Of a Bloom filter: with 20 bits an entry and 14 hashes 67 of a million texts that were never put in are taken for entries. */
const BITS_PER_ENTRY = 20
const HASHES = 14

/** Where a text's bits are, by double hashing of its SHA-256 (Kirsch and Mitzenmacher, 2006). */
const bitsOf = (text: string, size: number): number[] => {
  const digest = createHash('sha256').update(text).digest()
  const [first, step] = [digest.readUIntBE(0, 6), digest.readUIntBE(6, 6)]
  return Array.from({ length: HASHES }, (_, index) => (first + index * step) % size)
}

/** A list of passwords as a Bloom filter: it knows every entry, and tells no password to who reads it. */
export class PasswordFilter {
  constructor(private readonly bytes: Buffer) {}

  static of(entries: ReadonlySet<string>): Buffer {
    const bytes = Buffer.alloc(Math.ceil((entries.size * BITS_PER_ENTRY) / 8))
    for (const entry of entries) {
      for (const bit of bitsOf(entry, bytes.length * 8)) bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7))
    }
    return bytes
  }

  has(text: string): boolean {
    return bitsOf(text, this.bytes.length * 8).every((bit) => ((this.bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0)
  }
}
