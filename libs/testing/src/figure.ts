/** The value of one series in what `/metrics` answers; NaN where there is none. Example: `figureOf(text, 'signins_total{method="code",outcome="refused"}')`. */
export const figureOf = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1),
  )
