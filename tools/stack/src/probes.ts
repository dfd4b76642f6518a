import { get, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { connect } from 'node:net'

const WITHIN_MS = 2000

/** Sends bytes and resolves with the first that come back. The launcher asks with bare protocol frames: client libraries would double its memory. */
function exchange(host: string, port: number, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: WITHIN_MS })
    socket.once('connect', () => socket.write(message))
    socket.once('data', (chunk) => {
      resolve(chunk)
      socket.destroy()
    })
    socket.once('timeout', () => socket.destroy(new Error('timed out')))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
}

/** True once PostgreSQL asks for a password or refuses this user; while it starts or recovers it answers 57P03 instead. */
export async function postgresAnswers(host: string, port: number): Promise<boolean> {
  const body = Buffer.from('\0\x03\0\0user\0probe\0database\0postgres\0\0', 'latin1')
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  const answer = await exchange(host, port, Buffer.concat([length, body]))
  return /^[RE]/.test(answer.toString('latin1')) && !answer.includes('57P03')
}

/** True once Redis takes commands, or would after a password. */
export async function redisAnswers(host: string, port: number): Promise<boolean> {
  const answer = await exchange(host, port, Buffer.from('PING\r\n'))
  return /^(\+PONG|-NOAUTH)/.test(answer.toString())
}

/** True once somebody takes connections there: all that can be asked of a server that speaks TLS only. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: WITHIN_MS }, () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('timeout', () => socket.destroy(new Error('timed out')))
    socket.once('error', reject)
  })
}

/** True once the broker answers an ApiVersions request. */
export async function kafkaAnswers(host: string, port: number): Promise<boolean> {
  // Length, API key 18, version 0, correlation id, an empty client id.
  const answer = await exchange(host, port, Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0, 0]))
  return answer.length >= 8
}

/** True once the endpoint answers anything at all to a call of DynamoDB's API. */
export function dynamodbAnswers(endpoint: string): Promise<boolean> {
  const send = endpoint.startsWith('https:') ? requestTls : request
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'DynamoDB_20120810.ListTables',
    authorization: 'AWS4-HMAC-SHA256 Credential=local/20250101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
  }
  return new Promise((resolve, reject) => {
    const call = send(endpoint, { method: 'POST', headers, timeout: WITHIN_MS }, (response) => {
      response.resume()
      resolve((response.statusCode ?? 500) < 500)
    })
    call.on('timeout', () => call.destroy(new Error('timed out')))
    call.on('error', reject)
    call.end('{}')
  })
}

/** True when a GET is answered with 200. */
export function httpAnswers(url: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const call = get(url, { timeout: WITHIN_MS, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    call.on('timeout', () => call.destroy(new Error('timed out')))
    call.on('error', reject)
  })
}
