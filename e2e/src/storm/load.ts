import { setTimeout as delay } from 'node:timers/promises'
import { BuyerClient } from './buyers.js'
import { Caller } from './caller.js'
import { Dice } from './dice.js'
import { SellerClient } from './sellers.js'
import { StrangerClient } from './strangers.js'
import type { Witness } from './witness.js'
import type { World } from './world.js'

const SELLERS = 2
const PAUSE_MS = 25

export interface LoadOptions {
  readonly gateway: string
  readonly world: World
  readonly witness: Witness
  readonly seed: number
  readonly buyers: number
  readonly strangers: number
}

/** Clients of every kind, who come again and again until they are told to stop. @returns what lets them finish their visits and go, or go `atOnce` */
export const startLoad = ({ gateway, world, witness, seed, buyers, strangers }: LoadOptions): ((how?: 'atOnce') => Promise<void>) => {
  const [loading, ending] = [new AbortController(), new AbortController()]
  const caller = (n: number) => new Caller(gateway, new Dice(seed * 1_000 + n), witness, ending.signal)
  const clients = [
    ...Array.from({ length: buyers }, (_, n) => new BuyerClient(caller(n), world, world.newBuyer())),
    ...Array.from({ length: SELLERS }, (_, n) => new SellerClient(caller(100 + n), world)),
    ...Array.from({ length: strangers }, (_, n) => new StrangerClient(caller(200 + n), world)),
  ]
  const load = Promise.all(
    clients.map(async (client) => {
      while (!loading.signal.aborted) {
        await client.visit()
        await delay(PAUSE_MS)
      }
    }),
  )
  return async (how) => {
    loading.abort()
    if (how === 'atOnce') ending.abort()
    await load
    ending.abort()
  }
}
