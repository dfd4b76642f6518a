/** A wall clock that stands still until it is moved. Give `clock.now` wherever a `now` can be passed. */
export class SettableClock {
  constructor(private atMs = Date.now()) {}

  /** Epoch milliseconds, for `now` options. */
  readonly now = (): number => this.atMs

  advance(ms: number): void {
    this.atMs += ms
  }

  set(atMs: number): void {
    this.atMs = atMs
  }
}
