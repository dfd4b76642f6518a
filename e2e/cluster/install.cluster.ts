import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { until } from '@catamaran/testing'
import { chartAt, previousCharts, Variant, type Cloud } from './variant.js'

const DEPLOYMENTS = ['api-gateway', 'auth-service', 'aux-service', 'core-service']
/** All but how many Pods there are, which is the autoscaler's. */
const WHAT_IS_ASKED = 'service,configmap,serviceaccount,poddisruptionbudget,networkpolicy,authorizationpolicy,sidecar,canary'
const KEPT = 'service,poddisruptionbudget,serviceaccount'
const NEXT = ['--set', 'global.image.tag=0.2.0']
const MIGRATION_THAT_CANNOT_RUN = [
  '--set',
  'core-service.migration.resources.requests.cpu=1000',
  '--set',
  'core-service.migration.deadlineSeconds=5',
]

const kubeconfigOf = (cloud: Cloud): string => process.env[`KUBECONFIG_${cloud.toUpperCase()}`] ?? process.env['KUBECONFIG'] ?? ''

for (const cloud of ['eks', 'gke'] as const) {
  describe(`the charts with the values of ${cloud.toUpperCase()}`, () => {
    const variant = new Variant(cloud, kubeconfigOf(cloud))
    const folder = mkdtempSync(join(tmpdir(), 'catamaran-charts-'))

    before(() => variant.prepare(folder))
    after(async () => {
      await variant.remove()
      rmSync(folder, { recursive: true })
    })

    test('the API server takes every object, unknown fields refused', async () => {
      const count = await variant.dryRun()
      console.log(`  ${count} objects`)
      assert.ok(count > 40, `${count}`)
    })

    test('an installation waits for its migrations, one after the other or at once, before there is any Deployment', async () => {
      await variant.install()
      assert.deepEqual(
        Object.keys(await variant.objects('deployment')).toSorted(),
        DEPLOYMENTS.map((name) => `Deployment/${name}`).toSorted(),
      )
      const { jobs, deployments } = await variant.order()
      assert.deepEqual(jobs.map(({ name }) => name).toSorted(), ['auth-service-migrate', 'aux-service-migrate', 'core-service-migrate'])
      const lastJob = Math.max(...jobs.map(({ at }) => at))
      assert.ok(
        deployments.every(({ at }) => at >= lastJob),
        JSON.stringify({ jobs, deployments }),
      )
    })

    test('Istio has nothing to say about it', async () => {
      assert.deepEqual(await variant.analysis(), [])
    })

    test('installed over itself nothing changes, and under another name it is refused', async () => {
      const [before, templates] = [await variant.objects(WHAT_IS_ASKED), await variant.templates()]
      await variant.install()
      assert.deepEqual(await variant.objects(WHAT_IS_ASKED), before)
      assert.deepEqual(await variant.templates(), templates)
      await assert.rejects(variant.installAs('other'), /exists and cannot be imported|invalid ownership metadata|conflict/)
    })

    test('an upgrade brings the new image and a rollback the old one; Services, budgets and accounts stay', async () => {
      const before = await variant.objects(KEPT)
      const images = await variant.images()
      await variant.install(NEXT)
      assert.ok((await variant.images()).every((image) => image.endsWith(':0.2.0')))
      assert.deepEqual(await variant.objects(KEPT), before)
      await variant.rollBack()
      assert.deepEqual(await variant.images(), images)
      assert.deepEqual(await variant.objects(KEPT), before)
    })

    test('a migration that fails stops an upgrade before anything is changed, and the next upgrade goes on', async () => {
      const [before, templates] = [await variant.objects(WHAT_IS_ASKED), await variant.templates()]
      const { code, stderr } = await variant.tryInstall([...NEXT, ...MIGRATION_THAT_CANNOT_RUN])
      assert.notEqual(code, 0)
      assert.match(stderr, /core-service-migrate/)
      assert.deepEqual(await variant.objects(WHAT_IS_ASKED), before)
      assert.deepEqual(await variant.templates(), templates)
      await variant.install(NEXT)
    })

    test('uninstalled, nothing is left in the namespace', async () => {
      await variant.uninstall()
      // What Flagger made has the Canary as its owner: the cluster's collector takes it away, a little later.
      await until(async () => (await variant.leftovers()).length === 0, { deadlineMs: 60_000, everyMs: 1000 }).catch(() => undefined)
      assert.deepEqual(await variant.leftovers(), [])
    })

    test('an upgrade from the charts before these keeps Services and budgets', async () => {
      const commit = await previousCharts()
      await variant.install([], await chartAt(commit, folder))
      const before = await variant.objects('service,poddisruptionbudget')
      await variant.install()
      const after = await variant.objects('service,poddisruptionbudget')
      const identity = (objects: Record<string, string>) => Object.entries(objects).map(([name, text]) => `${name} ${text.split(' ')[0]}`)
      assert.deepEqual(identity(after), identity(before))
      await variant.uninstall()
    })
  })
}
