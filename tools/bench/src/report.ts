/** One line of a table: what was measured, its floor and what it should be. Texts are ready to be printed. */
export interface Row {
  readonly label: string
  readonly ours: string
  readonly floor?: string
  readonly ratio?: string
  readonly goal?: string
  /** Left out where there is no goal. */
  readonly holds?: boolean
}

const WIDTHS = { label: 36, ours: 25, floor: 25, ratio: 18, goal: 11 }

export const say = (line = ''): void => void process.stdout.write(`${line}\n`)
/** What happens meanwhile: beside the figures, so that these can be kept alone. */
export const progress = (line: string): void => void process.stderr.write(`  ${line}\n`)

export const count = (value: number): string => Math.round(value).toLocaleString('en-GB')
export const percent = (ratio: number): string => `${(ratio * 100).toFixed(0)} %`
export const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
export const us = (value: number): string => `${count(value)} µs`
export const seconds = (value: number): string => `${(value / 1000).toFixed(1)} s`
export const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`

/** A median with the lowest and the highest of its rounds. */
export function spread(values: readonly number[], middle: number, text: (value: number) => string): string {
  if (values.length < 2) return text(middle)
  return `${text(middle)} (${text(Math.min(...values)).replace(' %', '')}–${text(Math.max(...values)).replace(' %', '')})`
}

export function table(title: string, rows: readonly Row[]): void {
  say()
  say(title)
  const line = (row: Record<keyof typeof WIDTHS, string>, verdict: string) =>
    say(`  ${row.label.padEnd(WIDTHS.label)}${cells(row)}   ${verdict}`.trimEnd())
  line({ label: '', ours: 'Catamaran', floor: 'floor', ratio: 'ratio', goal: 'goal' }, '')
  for (const { label, ours, floor = '', ratio = '', goal = '', holds } of rows) {
    line({ label, ours, floor, ratio, goal }, holds === undefined ? '' : holds ? 'holds' : 'MISSED')
  }
}

const cells = ({ ours, floor, ratio, goal }: Record<keyof typeof WIDTHS, string>): string =>
  ours.padStart(WIDTHS.ours) + floor.padStart(WIDTHS.floor) + ratio.padStart(WIDTHS.ratio) + goal.padStart(WIDTHS.goal)
