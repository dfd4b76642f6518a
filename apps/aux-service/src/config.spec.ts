import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError, readConfig } from '@catamaran/platform'
import { Config } from './config.js'

const REQUIRED = {
  ...{ PORT: '0', ADMIN_PORT: '0', ISSUER_URL: 'http://127.0.0.1/oidc', AUTH_URL: 'http://127.0.0.1', SERVICE_KEY_FILE: 'key.json' },
  ...{ DATABASE_URL: 'postgres://127.0.0.1/aux', AWS_REGION: 'local', KAFKA_BROKERS: '127.0.0.1:9' },
  ...{ CORE_URL: 'http://127.0.0.1', SMTP_URL: 'smtp://127.0.0.1:9' },
  DATA_KEYS: Buffer.alloc(32).toString('base64url'),
}

describe('the configuration of webhooks', () => {
  it('lets them go nowhere but to the public internet by https, and tries for a day, where nothing else is said', () => {
    const { webhooks } = readConfig(Config, REQUIRED)
    assert.deepEqual(webhooks.addresses, { allowHttp: false, allowedNetworks: [], nameServers: [] })
    assert.deepEqual([webhooks.windowMs, webhooks.timeoutMs, webhooks.retryMs.length], [86_400_000, 10_000, 6])
  })

  it('names what it can’t read', () => {
    for (const [name, value] of Object.entries({
      ...{ WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/33', WEBHOOK_RETRY_MS: '5s', WEBHOOK_ALLOW_HTTP: 'yes', DATA_KEYS: 'short' },
      INBOX_KEEP_MS: '604800000', // as long as Kafka keeps an event: one that is read again must be known yet
    }))
      assert.throws(
        () => readConfig(Config, { ...REQUIRED, [name]: value }),
        (error) => error instanceof ConfigError && error.message.includes(`${name}: `) && !error.message.includes(value),
      )
    const networks = readConfig(Config, { ...REQUIRED, WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1, 10.0.0.0/8,::1' }).webhooks.addresses
    assert.deepEqual(networks.allowedNetworks, ['127.0.0.1', '10.0.0.0/8', '::1'])
  })
})
