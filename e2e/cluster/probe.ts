// Runs in a Pod with the account of a service and does the calls it is told to, so that they carry that account's certificate. Node alone, as in any image.
import { createServer, request } from 'node:http'

export interface ProbeCall {
  readonly host: string
  readonly method: string
  readonly path: string
}

export interface ProbeAnswer {
  /** 0 when there was none. */
  readonly status: number
  readonly type: string
  readonly length: string
  readonly body: string
}

const WITHIN_MS = 20_000
const LONGEST = 200

const ask = ({ host, method, path }: ProbeCall): Promise<ProbeAnswer> =>
  new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: 0, type: '', length: '', body: error.message })
    const [hostname = '', port = '80'] = host.split(':')
    const call = request({ host: hostname, port, method, path, headers: { 'content-length': '0' }, timeout: WITHIN_MS }, (answer) => {
      let body = ''
      const { 'content-type': type = '', 'content-length': length = '' } = answer.headers
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
        // A stream would not end.
        if (body.length > LONGEST) answer.destroy()
      })
      const done = () => resolve({ status: answer.statusCode ?? 0, type, length, body: body.slice(0, LONGEST) })
      answer.on('error', done).on('close', done)
    })
    call.on('error', failed).on('timeout', () => call.destroy(new Error(`no answer within ${WITHIN_MS} ms`)))
    call.end()
  })

/** Some at a time, in their order. */
const askAll = async (calls: readonly ProbeCall[]): Promise<ProbeAnswer[]> => {
  const answers: ProbeAnswer[] = []
  let next = 0
  const work = async () => {
    for (let at = next++; at < calls.length; at = next++) answers[at] = await ask(calls[at] as ProbeCall)
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return answers
}

createServer((incoming, outgoing) => {
  let text = ''
  incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  incoming.on('end', () => {
    if (incoming.method === 'GET') return void outgoing.end('ready')
    void askAll(JSON.parse(text) as ProbeCall[]).then((answers) => outgoing.end(JSON.stringify(answers)))
  })
}).listen(8099, process.env['POD_IP'])
