import { createHash } from 'node:crypto'

/** Chance that comes out the same every time: what is drawn depends on the key alone, so a new product changes no other one. */
export class Random {
  private readonly state: Uint32Array

  constructor(key: string) {
    const hash = createHash('sha256').update(key).digest()
    this.state = Uint32Array.from({ length: 4 }, (_, index) => hash.readUInt32LE(index * 4))
  }

  /** 32 random bits (Chris Doty-Humphrey's sfc32 of PractRand). */
  bits(): number {
    const [a = 0, b = 0, c = 0, counter = 0] = this.state
    const drawn = (a + b + counter) >>> 0
    this.state.set([b ^ (b >>> 9), c + (c << 3), ((c << 21) | (c >>> 11)) + drawn, counter + 1])
    return drawn
  }

  /** From 0 up to, but not, 1. */
  unit(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1))
  }

  /** From the normal distribution with mean 0 and deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit())
  }
}

/** A UUIDv7 (RFC 9562) of that time whose random bits come from the key. */
export function uuidOf(key: string, time: Date): string {
  const random = new Random(`id ${key}`)
  const hex = (digits: number) => random.bits().toString(16).padStart(8, '0').slice(0, digits)
  const ms = time.getTime().toString(16).padStart(12, '0')
  const variant = (8 + random.between(0, 3)).toString(16)
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`
}
