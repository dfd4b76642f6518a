import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** kafkajs sets timers to times that have passed. */
const FLAGS = ['--disable-warning=TimeoutNegativeWarning']

type Answer<Result> = { result: Result } | { error: string }

/** A program of the bench in a process of its own, which does one job at a time. It ends with the process that started it. */
export class Worker<Job extends object, Result> {
  private settle: ((answer: Answer<Result>) => void) | undefined

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (answer) => this.settle?.(answer as Answer<Result>))
    child.on('exit', (code) => this.settle?.({ error: `A process of the bench ended with ${String(code)}.` }))
  }

  /** @param file the program beside this one, such as `http-load.js` */
  static start<Job extends object, Result>(file: string): Worker<Job, Result> {
    return new Worker(
      fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: FLAGS }),
    )
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** @throws Error with the message of whatever failed there */
  async ask(job: Job): Promise<Result> {
    const answered = new Promise<Answer<Result>>((resolve) => (this.settle = resolve))
    this.child.send(job)
    const answer = await answered
    if ('error' in answer) throw new Error(answer.error)
    return answer.result
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }
}

/** The other side: does every job it is sent and answers. */
export function doJobs<Job, Result>(work: (job: Job) => Promise<Result>): void {
  process.on('message', (job) => {
    work(job as Job).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  process.on('disconnect', () => process.exit())
}
