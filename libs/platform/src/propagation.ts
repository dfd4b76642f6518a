import type { IncomingHttpHeaders } from 'node:http'
import { TRACEPARENT } from './context.js'

/** A trace context as a header told it. A load balancer may begin a trace without having a span in it. */
export interface Carried {
  readonly traceId: string
  readonly spanId: string | undefined
  readonly isSampled: boolean
}

interface Propagator {
  readonly header: string
  readonly read: (value: string) => Carried | undefined
  readonly write: (traceparent: string) => string
}

const SAMPLED_BIT = 1
const XRAY_ROOT = /(?:^|;) *Root=1-([0-9a-f]{8})-([0-9a-f]{24}) *(?:;|$)/i
const XRAY_PARENT = /(?:^|;) *Parent=(?!0{16})([0-9a-f]{16}) *(?:;|$)/i
const XRAY_SAMPLED = /(?:^|;) *Sampled=1 *(?:;|$)/i

/** How trace context travels, by the names of OTEL_PROPAGATORS: W3C Trace Context, and the header of AWS X-Ray and its load balancers. */
const PROPAGATORS = {
  tracecontext: {
    header: 'traceparent',
    read: (value) =>
      TRACEPARENT.test(value)
        ? {
            ...{ traceId: value.slice(3, 35), spanId: value.slice(36, 52) },
            isSampled: (Number.parseInt(value.slice(53), 16) & SAMPLED_BIT) === SAMPLED_BIT,
          }
        : undefined,
    write: (traceparent) => traceparent,
  },
  xray: {
    header: 'x-amzn-trace-id',
    read: (value) => {
      const [, seconds = '', random = ''] = XRAY_ROOT.exec(value) ?? []
      if (seconds === '' || /^0+$/.test(seconds + random)) return undefined
      const traceId = (seconds + random).toLowerCase()
      return { traceId, spanId: XRAY_PARENT.exec(value)?.[1]?.toLowerCase(), isSampled: XRAY_SAMPLED.test(value) }
    },
    write: (traceparent) => {
      const [, traceId = '', spanId = '', flag = ''] = traceparent.split('-')
      return `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=${flag === '01' ? 1 : 0}`
    },
  },
} as const satisfies Record<string, Propagator>

export type PropagatorName = keyof typeof PROPAGATORS
export const PROPAGATOR_NAMES = Object.keys(PROPAGATORS) as [PropagatorName, ...PropagatorName[]]

let inUse: readonly Propagator[] = [PROPAGATORS.tracecontext]

/** Says how trace context travels from now on. Of what comes in, the last one named that is there counts, as OpenTelemetry's composite propagator has it. */
export const usePropagators = (names: readonly PropagatorName[]): void => {
  inUse = names.map((name) => PROPAGATORS[name])
}

/** The trace context that a request came with. */
export const carriedIn = (headers: IncomingHttpHeaders): Carried | undefined => {
  let carried: Carried | undefined
  for (const { header, read } of inUse) {
    const value = headers[header]
    if (typeof value === 'string') carried = read(value) ?? carried
  }
  return carried
}

/** Puts a trace context into the headers of a request to an inner service. What goes to outsiders has none (decision 013). */
export const carryOut = (traceparent: string, set: (header: string, value: string) => void): void => {
  for (const { header, write } of inUse) set(header, write(traceparent))
}
