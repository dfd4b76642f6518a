import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { ServiceName } from '@catamaran/contracts'
import { metrics } from '@opentelemetry/api'
import { AggregationTemporality, InstrumentType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { exposition, type Format } from './exposition.js'
import { emptyHistograms, observe } from './metrics.js'

/** Collects when somebody scrapes. */
class ScrapeReader extends MetricReader {
  constructor() {
    // The SDK goes on telling the last value of a gauge that nobody tells of any more, unless it tells of each interval alone.
    const temporality = (type: InstrumentType): AggregationTemporality =>
      type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE
    super({ aggregationTemporalitySelector: temporality })
  }
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve()
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}

/** A process has one, however many services a test starts in it. */
let ofProcess: ScrapeReader | undefined
const startReader = (): ScrapeReader => {
  const reader = new ScrapeReader()
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  observeProcess()
  return reader
}

/**
 * Starts metrics for this process behind the OpenTelemetry API, those of the process itself included.
 * @returns the text that `/metrics` answers with
 */
export const startTelemetry = (service: ServiceName): ((format: Format) => Promise<string>) => {
  const reader = (ofProcess ??= startReader())
  return async (format) => {
    const { scopeMetrics } = (await reader.collect()).resourceMetrics
    const collected = scopeMetrics.flatMap((scope) => scope.metrics)
    return exposition({ 'service.name': service }, [...collected, ...emptyHistograms(collected)], format)
  }
}

/** Looks at the event loop fifty times a second: 0.1 % of a core. What it measures has the time between two looks in it. */
const RESOLUTION_MS = 20

const observeProcess = (): void => {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const late = (ns: number): number => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3)
  observe('nodejs.eventloop.delay.p50', (tell) => tell(late(delay.percentile(50))))
  observe('nodejs.eventloop.delay.p99', (tell) => {
    tell(late(delay.percentile(99)))
    delay.reset() // the next scrape hears of what comes from now on; p50 was looked at before
  })
  let before = performance.eventLoopUtilization()
  observe('nodejs.eventloop.utilization', (tell) => {
    const now = performance.eventLoopUtilization()
    tell(performance.eventLoopUtilization(now, before).utilization)
    before = now
  })
  observe('process.memory.usage', (tell) => tell(process.memoryUsage.rss()))
  observe('process.cpu.time', (tell) => {
    const { user, system } = process.cpuUsage()
    tell(user / 1e6, { 'cpu.mode': 'user' })
    tell(system / 1e6, { 'cpu.mode': 'system' })
  })
}
