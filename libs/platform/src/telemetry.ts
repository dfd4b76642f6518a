import type { ServiceName } from '@catamaran/contracts'
import { metrics, type Attributes } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'

/**
 * Starts metrics for this process behind the OpenTelemetry API: code asks `metrics.getMeter()` and knows nothing of exporters.
 * Returns the text that `/metrics` answers with (Prometheus exposition format 0.0.4).
 */
export const startTelemetry = (service: ServiceName): (() => Promise<string>) => {
  const reader = new PrometheusExporter({ preventServerStart: true })
  const resource = resourceFromAttributes({ 'service.name': service })
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader], resource }))
  const serializer = new PrometheusSerializer('', false)
  return async () => serializer.serialize((await reader.collect()).resourceMetrics)
}

/** Records one answered request (OpenTelemetry semantic conventions for HTTP servers, seconds). */
export const requestDuration = (): ((seconds: number, attributes: Attributes) => void) => {
  const histogram = metrics.getMeter('catamaran').createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP server requests',
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] },
  })
  return (seconds, attributes) => histogram.record(seconds, attributes)
}
