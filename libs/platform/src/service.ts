import 'reflect-metadata'
import type { CanActivate, DynamicModule } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { CustomTransportStrategy } from '@nestjs/microservices'
import type { ServiceName } from '@catamaran/contracts'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { ConfigError, readConfig, type ServiceConfig } from './config.js'
import { registerGuard, type Door, type GuardedRoute } from './guard.js'
import { AdminServer } from './health.js'
import { LogLevel } from './log-level.js'
import { createLogger, nestLogger, type Logger } from './logging.js'
import { openApiOf } from './openapi.js'
import { ProblemFilter, sendProblem } from './problem.filter.js'
import { registerRawBodies } from './raw-body.js'
import { contextOf, registerRequests, requestIdOf } from './requests.js'
import { startTelemetry } from './telemetry.js'
import { TokenVerifier } from './tokens.js'
import { startTracing } from './tracing.js'
import { validationPipe } from './validation.js'
import type { z } from 'zod'

/** What a service's module is built with. */
export interface Platform {
  logger: Logger
  verifier: TokenVerifier
}

export interface ServiceOptions {
  name: ServiceName
  config: ServiceConfig
  module: (platform: Platform) => DynamicModule
  /** How many proxies in front are trusted to tell the client's address. Default 0. */
  trustedHops?: number
  /** The largest body taken, in bytes. Default 64 KiB. */
  maxBodyBytes?: number
  /** How long a request may take to come in whole, in milliseconds. Default 30,000. */
  requestTimeoutMs?: number
  /** Headers on every answer that the service makes itself. */
  headers?: Readonly<Record<string, string>>
  /** Routes of the service's own on the Fastify instance, registered under the guard. */
  routes?: (fastify: FastifyInstance, app: NestFastifyApplication) => void | Promise<void>
  /** How messages come in, where the service consumes events. */
  strategy?: (platform: Platform) => CustomTransportStrategy
  /** The guard that enforces the roles which routes declare. Without it a route with a role does not start. */
  roles?: (app: NestFastifyApplication) => CanActivate
  /** What the public door does with credentials besides verifying tokens. */
  door?: (app: NestFastifyApplication) => Door
  /** The wall clock for token expiry; tests set it. */
  now?: () => number
}

/** A service that was made but does not listen yet. */
export interface Service {
  readonly app: NestFastifyApplication
  readonly logger: Logger
  /** Starts consumers and listens; the addresses are those really bound. */
  listen(): Promise<{ url: string; adminUrl: string }>
  /** Stops taking requests and messages, finishes those in hand, then lets go of the stores. */
  close(): Promise<void>
  /** The service's OpenAPI 3.1 document. */
  openApi(): object
  /** Every route there is once the app is initialised, also those that no document tells of. */
  routes(): readonly GuardedRoute[]
}

const IDLE_SWEEP_MS = 50
const HEADERS_WITHIN_MS = 30_000
/** The URL and all headers, in bytes. Inner services take more than the public door, which adds headers to what it took. */
export const MAX_HEAD_BYTES = { edge: 16 * 1024, inner: 24 * 1024 } as const

/** Fastify as every service has it: bounded, with problem documents for whatever goes wrong and a log line for each request. */
const fastifyOf = (
  { name, trustedHops = 0, maxBodyBytes = 64 * 1024, requestTimeoutMs = HEADERS_WITHIN_MS, headers }: ServiceOptions,
  logger: Logger,
): FastifyInstance => {
  const onUnroutable = (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    begin(request, reply)
    sendProblem(request, reply, error)
  }
  const instance = fastify({
    frameworkErrors: onUnroutable as never, // its types know no replies without a route
    bodyLimit: maxBodyBytes,
    trustProxy: (_address, hop) => hop < trustedHops,
    genReqId: (request) => requestIdOf(request.headers['x-request-id'], name !== 'api-gateway'),
    forceCloseConnections: 'idle',
    return503OnClosing: false, // what still comes on a connection that somebody keeps is served, and told to come anew
    requestTimeout: requestTimeoutMs,
    http: { headersTimeout: HEADERS_WITHIN_MS, maxHeaderSize: MAX_HEAD_BYTES[name === 'api-gateway' ? 'edge' : 'inner'] },
    keepAliveTimeout: 72_000,
    routerOptions: { maxParamLength: 200 },
  })
  instance.removeContentTypeParser('text/plain')
  instance.setErrorHandler((error, request, reply) => sendProblem(request, reply, error))
  const begin = registerRequests(instance, logger, { headers, isEdge: name === 'api-gateway' })
  registerRawBodies(instance)
  return instance
}

/** Fastify keeps the error handler that createService gives it; Nest's own would forget which error of Fastify's it was. */
class Adapter extends FastifyAdapter {
  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.getInstance()
  }
}

/** Builds a service: Nest on Fastify with the guard, the request log, problem documents and the admin port around it. */
export const createService = async (options: ServiceOptions): Promise<Service> => {
  const { name, config } = options
  const logger = createLogger(name, config.logLevel, config.logFile)
  const admin = new AdminServer(startTelemetry(name), new LogLevel(logger))
  const stopTracing = await startTracing(name, config.tracing)
  const verifier = new TokenVerifier({ issuer: config.issuer, jwksUrl: `${config.authUrl}/oidc/jwks`, now: options.now })

  const instance = fastifyOf(options, logger)
  let door: Door | undefined
  const checksRoles = options.roles !== undefined
  const guarding = { service: name, verifier, contextOf, now: options.now, checksRoles, door: options.door && (() => door) }
  const routes = registerGuard(instance, guarding)
  const app = await NestFactory.create<NestFastifyApplication>(options.module({ logger, verifier }), new Adapter(instance as never), {
    bodyParser: false,
    logger: nestLogger(logger),
    abortOnError: false,
  })
  app.useGlobalFilters(new ProblemFilter()).useGlobalPipes(validationPipe())
  if (options.roles !== undefined) app.useGlobalGuards(options.roles(app))
  door = options.door?.(app)
  await options.routes?.(instance, app)
  if (options.strategy !== undefined)
    app.connectMicroservice({ strategy: options.strategy({ logger, verifier }) }, { inheritAppConfig: true })

  return {
    app,
    logger,
    openApi: () => openApiOf(app, name),
    routes: () => routes,
    listen: async () => {
      const adminUrl = await admin.listen(config.adminHost, config.adminPort)
      await app.listen(config.port, config.host)
      if (options.strategy !== undefined) await app.startAllMicroservices()
      admin.phase = 'ready'
      const url = await app.getUrl()
      logger.info({ url, adminUrl }, 'listening')
      return { url, adminUrl }
    },
    close: async () => {
      admin.phase = 'draining'
      // A connection that was busy when closing began stays open for its keep-alive time unless somebody ends it.
      const ending = setInterval(() => instance.server.closeIdleConnections(), IDLE_SWEEP_MS)
      await app.close().finally(() => clearInterval(ending))
      await admin.close()
      await stopTracing().catch((error: unknown) => logger.warn({ err: error }, 'the last spans could not be sent'))
      logger.flush()
    },
  }
}

export interface RunOptions<T extends z.ZodType> {
  name: ServiceName
  env: Record<string, string | undefined>
  schema: T
  create: (config: z.infer<T>) => Promise<Service>
}

/**
 * What main.ts calls: reads the configuration, starts the service, and on SIGTERM or SIGINT drains requests and consumers within
 * SHUTDOWN_MS before it exits with 0. With the argument `openapi` it prints its document instead and ends, with `routes` its routes.
 */
export const runService = async <T extends z.ZodType<{ service: ServiceConfig }>>({
  name,
  env,
  schema,
  create,
}: RunOptions<T>): Promise<void> => {
  try {
    const config = readConfig(schema, env)
    const service = await create(config)
    const asked = process.argv[2]
    if (asked === 'openapi' || asked === 'routes') {
      await service.app.init()
      await service.app.getHttpAdapter().getInstance().ready() // the service's own routes come with it
      const told = asked === 'openapi' ? service.openApi() : service.routes()
      // A pipe takes it in parts: the process may not end before the last.
      process.stdout.write(`${JSON.stringify(told, null, 2)}\n`, () => process.exit(0))
      return
    }
    process.on('uncaughtException', (error) => {
      service.logger.fatal({ err: error }, 'uncaught exception')
      service.logger.flush()
      process.exitCode = 1
      setImmediate(() => process.exit(1))
    })
    const stop = (signal: string): void => {
      service.logger.info({ signal }, 'draining')
      setTimeout(() => process.exit(1), config.service.shutdownMs).unref()
      service.close().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${name} did not stop cleanly: ${String(error)}\n`)
          process.exit(1)
        },
      )
    }
    process.once('SIGTERM', stop).once('SIGINT', stop)
    await service.listen()
  } catch (error) {
    fail(name, error)
  }
}

const fail = (name: string, error: unknown): never => {
  const told = error instanceof ConfigError ? error.message : error instanceof Error ? error.stack : String(error)
  process.stderr.write(`${name}: ${told}\n`)
  process.exit(1)
}

export interface JobOptions<T extends z.ZodType> {
  name: ServiceName
  env: Record<string, string | undefined>
  schema: T
  work: (config: z.infer<T>) => Promise<void>
}

/** What migrate.ts calls: reads the configuration it needs and does the work; the process ends with 0, or with 1 and the reason. */
export const runJob = async <T extends z.ZodType>({ name, env, schema, work }: JobOptions<T>): Promise<void> => {
  try {
    await work(readConfig(schema, env))
  } catch (error) {
    fail(name, error)
  }
}
