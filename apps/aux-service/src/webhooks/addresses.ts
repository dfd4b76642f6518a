import { Resolver } from 'node:dns/promises'
import { BlockList, isIP, isIPv4, isIPv6, type LookupFunction } from 'node:net'

/** Where webhooks may go. */
export interface AddressPolicy {
  /** http, and ports other than 443. */
  readonly allowHttp: boolean
  /** Networks (CIDR) that are allowed although they are not of the public internet: receivers on one's own machine. */
  readonly allowedNetworks: readonly string[]
  /** Which name servers are asked. Default: the machine's. */
  readonly nameServers?: readonly string[]
}

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}
export type Resolve = (host: string) => Promise<readonly Address[]>

/** Thrown for a URL or an address that webhooks don't go to. The message names no address: what a name stands for inside is nobody's business. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

// IANA's special-purpose registries (RFC 6890), and what clouds serve their metadata and health probes from.
const REFUSED_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
  ...['192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
]
/** Only global unicast is allowed, and of it none that carries an IPv4 address inside (6to4, Teredo) or is for documentation. */
const ALLOWED_V6 = ['2000::/3']
const REFUSED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48']

const blockListOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const isV6 = isIPv6(address)
    list.addSubnet(address, prefix === undefined ? (isV6 ? 128 : 32) : Number(prefix), isV6 ? 'ipv6' : 'ipv4')
  }
  return list
}
const refusedV4 = blockListOf(REFUSED_V4)
const allowedV6 = blockListOf(ALLOWED_V6)
const refusedV6 = blockListOf(REFUSED_V6)

const isPublic = (address: string): boolean =>
  isIPv4(address) ? !refusedV4.check(address, 'ipv4') : allowedV6.check(address, 'ipv6') && !refusedV6.check(address, 'ipv6')

const DNS_TIMEOUT_MS = 1_500

/** Asks name servers without the thread pool, which a few slow ones would fill for everybody. @param servers none: those of the machine */
const resolveByDns = (servers: readonly string[]): Resolve => {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 2 })
  if (servers.length > 0) resolver.setServers(servers)
  return async (host) => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const found: Address[] = [
      ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 as const })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 as const })) : []),
    ]
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason as Error
    return found
  }
}

/**
 * Keeps webhooks from reaching what only we can reach (SSRF): judges URLs, resolves their names itself, and hands a connection none but the addresses that
 * it judged, so that a name which changes its answer in between gains nothing.
 */
export class Addresses {
  private readonly allowed: BlockList

  constructor(
    private readonly policy: AddressPolicy,
    private readonly resolve: Resolve = resolveByDns(policy.nameServers ?? []),
  ) {
    this.allowed = blockListOf(policy.allowedNetworks)
  }

  /** The URL where its form is good. @throws AddressRefused */
  parse(text: string): URL {
    const refuse = (reason: string): never => {
      throw new AddressRefused(reason)
    }
    const url = URL.canParse(text) ? new URL(text) : refuse('It is not a URL.')
    if (url.protocol !== 'https:' && !(this.policy.allowHttp && url.protocol === 'http:')) refuse('The URL must begin with https://.')
    if (url.username !== '' || url.password !== '') refuse('The URL must not hold a user name or password.')
    if (url.port !== '' && !this.policy.allowHttp) refuse('The port must be 443.')
    if (url.hash !== '') refuse('The URL must not have a fragment.')
    const host = hostOf(url)
    if (isIP(host) !== 0) {
      // The parser has turned decimal, octal and hexadecimal notations into the usual one: what was written must be it.
      if (!text.toLowerCase().includes(`//${url.hostname}`) || !this.allowed.check(host, isIPv6(host) ? 'ipv6' : 'ipv4'))
        refuse('The URL must name a host, not an address.')
    } else if (!host.includes('.') && !this.policy.allowHttp) refuse('The host must be a name of the public internet.')
    return url
  }

  /** The addresses of a URL's host, each of which webhooks may go to. @throws AddressRefused, or the resolver's error */
  async of(url: URL): Promise<readonly Address[]> {
    const host = hostOf(url)
    const family = isIP(host)
    return family === 0 ? this.lookUp(host) : [this.judge({ address: host, family: family as 4 | 6 })]
  }

  /** `lookup` for a socket: the one place where a name becomes an address. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.lookUp(host).then(
      (found) => {
        const [first] = found
        if (options.all === true || first === undefined)
          callback(
            null,
            found.map((each) => ({ ...each })),
          )
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, []),
    )
  }

  private async lookUp(host: string): Promise<readonly Address[]> {
    const found = await this.resolve(host)
    if (found.length === 0) throw new AddressRefused('The host has no address.')
    return found.map((address) => this.judge(address))
  }

  private judge(address: Address): Address {
    if (!isPublic(address.address) && !this.allowed.check(address.address, address.family === 6 ? 'ipv6' : 'ipv4'))
      throw new AddressRefused('The host is not of the public internet.')
    return address
  }
}

/** Without the brackets of an IPv6 address, and without the dot that ends a whole name. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
