export { Anonymous, Caller, PartnerCaller, Requires, type Access, type Conditions } from './access.js'
export { ConfigError, env, readConfig, refuseConfig, serviceConfig, serviceEnv, type ServiceConfig } from './config.js'
export { currentActor, currentContext, followFlag, logFields, runInContext, traceparentOf, type RequestContext } from './context.js'
export { AppError, causesOf, isUnavailable, problemOf, retryAfterOf, toAppError, type ErrorDetails } from './errors.js'
export { bearerOf, type Door, type GuardedRoute } from './guard.js'
export { familyOf } from './exposition.js'
export { Groups, type GroupsOptions } from './groups.js'
export { HttpClient, type CallOptions } from './http-client.js'
export { answerOnce, ApiIdempotencyKey, IdempotencyKey } from './idempotency-key.js'
export { createLogger, LOGGER, type Logger } from './logging.js'
export { counter, histogram, observe, type CounterOf, type HistogramOf } from './metrics.js'
export { METRICS, type LabelsOf, type MetricName, type MetricSpec } from './metrics.schema.js'
export { carriedIn, carryOut, type Carried } from './propagation.js'
export { ProblemFilter } from './problem.filter.js'
export { NDJSON, RawBody } from './raw-body.js'
export { Repeating, type RepeatingOptions } from './repeating.js'
export { contextOf, noteError } from './requests.js'
export { createService, MAX_HEAD_BYTES, runJob, runService, type Platform, type Service, type ServiceOptions } from './service.js'
export { ServiceTokens, type ServiceTokensOptions } from './service-tokens.js'
export { LOG_FIELDS, SPAN_ATTRIBUTES, type LogFields, type SpanAttributes } from './signals.schema.js'
export { startTelemetry } from './telemetry.js'
export { TokenVerifier, type Claims } from './tokens.js'
export { inputErrorsOf } from './validation.js'
export {
  failSpan,
  incoming,
  isSampled,
  startStep,
  startTracing,
  traced,
  type Incoming,
  type SpanAbout,
  type SpanStep,
  type TracingOptions,
} from './tracing.js'
