// `npm run test:cluster [-- install]`: the charts, and the four services themselves, on the cluster that KUBECONFIG names.
import { fileURLToPath } from 'node:url'
import { runSpecs } from '../src/run-specs.js'
import { attempt, find } from './cluster.js'

const HELP = `npm run test:cluster              the four services in the cluster that KUBECONFIG names: journey, identities, canaries
npm run test:cluster -- install   installing, upgrading, rolling back and removing the charts: in the clusters of KUBECONFIG_EKS and KUBECONFIG_GKE, or in that of KUBECONFIG`

const [what = 'services'] = process.argv.slice(2)
const KUBECONFIGS = { services: ['KUBECONFIG'], install: ['KUBECONFIG_EKS', 'KUBECONFIG_GKE'] } as const

const problems = async (): Promise<string[]> => {
  const programs = ['kubectl', 'helm', 'istioctl', ...(what === 'install' ? ['openssl'] : [])].filter(
    (program) => find(program) === undefined,
  )
  const given = KUBECONFIGS[what as keyof typeof KUBECONFIGS].map((name) => process.env[name] ?? process.env['KUBECONFIG'])
  const unreachable = await Promise.all(
    given.map(
      async (file) =>
        file === undefined || (await attempt('kubectl', ['version'], { KUBECONFIG: file }).catch(() => ({ code: 1 }))).code !== 0,
    ),
  )
  return [
    ...(programs.length > 0 ? [`It needs ${programs.join(', ')} in PATH.`] : []),
    ...(unreachable.includes(true)
      ? ["It needs a cluster with Istio: set KUBECONFIG to a file that reaches one, such as kind's (docs/trying-on-a-cluster.md)."]
      : []),
  ]
}

if (!(what in KUBECONFIGS)) {
  process.stderr.write(`${HELP}\n`)
  process.exit(what === '--help' ? 0 : 1)
}
const missing = await problems()
if (missing.length > 0) {
  process.stderr.write(`npm run test:cluster: ${missing.join(' ')}\n`)
  process.exit(1)
}
const { passed, failed } = await runSpecs([fileURLToPath(new URL(`${what}.cluster.js`, import.meta.url))], 45 * 60_000)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
