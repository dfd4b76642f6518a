import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { describe, it } from 'node:test'
import { AddressRefused, Addresses, type Resolve } from './addresses.js'

const OUTSIDE = { allowHttp: false, allowedNetworks: [] }
const answering =
  (...addresses: string[]): Resolve =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })))

/** What each class of addresses that are not of the public internet looks like, first and last where it has an edge. */
const CLASSES: Record<string, readonly string[]> = {
  private: ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.254', '192.168.0.1', '192.168.255.254'],
  'of this host and network': ['0.0.0.0', '0.1.2.3', '::'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  'link-local': ['169.254.0.1', '169.254.255.254', 'fe80::1', 'febf::1'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.254', '100.100.100.200'],
  'metadata of clouds': ['169.254.169.254', '169.254.170.2', 'fd00:ec2::254', '168.63.129.16', '192.0.0.192'],
  'multicast and broadcast': ['224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1', 'ff0e::1'],
  'reserved and documentation': ['240.0.0.1', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1', '100::1'],
  'unique local and site-local': ['fc00::1', 'fdff::1', 'fec0::1'],
  'IPv4-mapped': ['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8'],
  'IPv4-compatible': ['::127.0.0.1', '::7f00:1'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1'],
  '6to4 and Teredo': ['2002:7f00:1::', '2002:a9fe:a9fe::1', '2001::1', '2001:0:7f00:1::'],
}

describe('addresses of webhooks', () => {
  for (const [name, addresses] of Object.entries(CLASSES)) {
    it(`are refused when a name stands for one that is ${name}`, async () => {
      for (const address of addresses) {
        const url = new URL('https://shop.example/hooks')
        await assert.rejects(new Addresses(OUTSIDE, answering(address)).of(url), AddressRefused, address)
        // One bad address among good ones is enough.
        await assert.rejects(new Addresses(OUTSIDE, answering('93.184.215.14', address)).of(url), AddressRefused, address)
      }
    })
  }

  it('of the public internet are taken', async () => {
    for (const address of ['93.184.215.14', '8.8.8.8', '100.63.255.255', '100.128.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])
      assert.deepEqual((await new Addresses(OUTSIDE, answering(address)).of(new URL('https://shop.example/'))).length, 1, address)
  })

  it('are refused for a name that has none', async () => {
    await assert.rejects(new Addresses(OUTSIDE, answering()).of(new URL('https://shop.example/')), AddressRefused)
  })

  it('are not judged twice for one connection: a socket gets those that were judged, so a changed answer gains nothing', async () => {
    const answers = ['93.184.215.14', '127.0.0.1']
    const rebinding: Resolve = () => answering(answers.shift() ?? '127.0.0.1')('')
    const addresses = new Addresses(OUTSIDE, rebinding)
    const look = () =>
      new Promise<unknown>((resolve, reject) => {
        addresses.lookup('shop.example', { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)))
      })
    assert.deepEqual(await look(), [{ address: '93.184.215.14', family: 4 }])
    await assert.rejects(look(), AddressRefused)
  })
})

describe('URLs of webhooks', () => {
  const outside = new Addresses(OUTSIDE, answering('93.184.215.14'))
  const inside = new Addresses({ allowHttp: true, allowedNetworks: ['127.0.0.0/8', '::1'] }, answering('127.0.0.1'))

  it('are taken with https, a name and the usual port', () => {
    for (const url of ['https://shop.example/hooks', 'https://shop.example:443/?a=b', 'https://SHOP.example']) assert.ok(outside.parse(url))
  })

  const refused = {
    'another scheme': ['http://shop.example/', 'ftp://shop.example/', 'file:///etc/passwd', 'gopher://shop.example/'],
    'another port': ['https://shop.example:8443/', 'https://shop.example:22/'],
    'user information': ['https://user@shop.example/', 'https://user:password@shop.example/', 'https://shop.example@10.0.0.1/'],
    'a fragment': ['https://shop.example/#x'],
    'an address instead of a name': ['https://127.0.0.1/', 'https://8.8.8.8/', 'https://[::1]/', 'https://[::ffff:127.0.0.1]/'],
    'an address in decimal, octal, hexadecimal or short form': [
      ...['https://2130706433/', 'https://0177.0.0.1/', 'https://0x7f.0.0.1/', 'https://0x7f000001/', 'https://127.1/'],
      ...['https://%31%32%37.0.0.1/', 'https://①②⑦.0.0.1/', 'https://127.0.0.1./'],
    ],
    'a name without a dot': ['https://localhost/', 'https://metadata/'],
    'what is no URL': ['shop.example', '', 'https://', 'https://shop.example:99999/'],
  }
  for (const [name, urls] of Object.entries(refused)) {
    it(`are refused with ${name}`, () => {
      for (const url of urls) assert.throws(() => outside.parse(url), AddressRefused, url)
    })
  }

  it('may lead to an allowed network on one’s own machine, but only as it is usually written', async () => {
    assert.equal((await inside.of(inside.parse('http://127.0.0.1:9000/hooks')))[0]?.address, '127.0.0.1')
    assert.equal((await inside.of(inside.parse('http://[::1]:9000/hooks')))[0]?.address, '::1')
    for (const url of ['http://2130706433:9000/', 'http://0x7f.1:9000/', 'http://10.0.0.1/', 'http://169.254.169.254/'])
      assert.throws(() => inside.parse(url), AddressRefused, url)
  })
})
