import { isUnavailable } from './errors.js'

export interface GroupsOptions<T, R> {
  /** Does items together. @returns an answer for each, in their order; none at all where nobody wants one */
  readonly work: (items: readonly T[]) => Promise<readonly R[]>
  /** Items at most in a group; what one caller brings stays together. */
  readonly most: number
}

interface Waiting<T, R> {
  readonly items: readonly T[]
  readonly resolve: (answers: readonly R[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit for whatever takes many at a time: what comes in one turn of the event loop, or while a group is being done, is done together by the next one. There is no
 * timer: alone, an item goes at once; under load groups form by themselves. A bad item fails nobody else's: a group that fails is done caller by caller, unless
 * a dependency is away, which concerns all of them.
 * Example: `new Groups<Entry>({ work: (entries) => repository.add(entries).then(() => []), most: 500 })`, then `await groups.do(entries)`.
 */
export class Groups<T, R = never> {
  private readonly waiting: Waiting<T, R>[] = []
  private isRunning = false

  constructor(private readonly options: GroupsOptions<T, R>) {}

  /** @returns the answers to these items, in their order @throws what `work` threw */
  do(items: readonly T[]): Promise<readonly R[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ items, resolve, reject })
      if (this.isRunning) return
      this.isRunning = true
      setImmediate(() => void this.run())
    })
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) await this.together(this.next())
    this.isRunning = false
  }

  private next(): Waiting<T, R>[] {
    let items = 0
    const end = this.waiting.findIndex((each) => (items += each.items.length) > this.options.most)
    return this.waiting.splice(0, end === -1 ? this.waiting.length : Math.max(end, 1))
  }

  private async together(group: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const answers = await this.options.work(group.flatMap(({ items }) => items))
      let from = 0
      for (const { items, resolve } of group) resolve(answers.slice(from, (from += items.length)))
    } catch (error) {
      if (isUnavailable(error) || group.length === 1) for (const { reject } of group) reject(error)
      else for (const each of group) await this.together([each])
    }
  }
}
