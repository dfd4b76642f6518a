import type { Caller } from './caller.js'
import type { World } from './world.js'

const CARRIERS = ['PostNL', 'DHL', 'DPD']

/** Sellers: they ship most of what comes, give some up, and decide on returns. */
export class SellerClient {
  constructor(
    private readonly caller: Caller,
    private readonly world: World,
  ) {}

  /** One look at the desk of one partner. */
  async visit(): Promise<void> {
    const { dice, witness } = this.caller
    const token = await this.world.partnerToken(dice.pick(this.world.partners))
    const open = await this.caller.until({ method: 'GET', path: '/v1/partner/fulfilments?status=open&limit=20', token })
    for (const { id } of (open?.body?.items ?? []) as { id: string }[]) {
      const ships = dice.chance(85)
      const path = `/v1/partner/fulfilments/${id}/${ships ? 'ship' : 'cancel'}`
      const body = ships ? { carrier: dice.pick(CARRIERS), trackingNumber: `T${id.slice(-8)}` } : undefined
      const reply = await this.caller.until({ method: 'POST', path, token, body })
      if (reply?.status === 200) witness.count(ships ? 'shipped' : 'given up by sellers')
    }
    const asked = await this.caller.until({ method: 'GET', path: '/v1/partner/returns?status=requested&limit=20', token })
    for (const { id } of (asked?.body?.items ?? []) as { id: string }[]) {
      const accepts = dice.chance(80)
      const body = accepts ? { restock: dice.chance(70) } : undefined
      const reply = await this.caller.until({
        method: 'POST',
        path: `/v1/partner/returns/${id}/${accepts ? 'accept' : 'refuse'}`,
        token,
        body,
      })
      if (reply?.status === 200) witness.count(accepts ? 'returns accepted' : 'returns refused')
    }
  }
}
