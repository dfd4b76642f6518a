import { ReduceDataOptionsBuilder, VisibilityMode } from '@grafana/grafana-foundation-sdk/common'
import { DashboardBuilder, DashboardCursorSync, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import { readObjectives } from './objectives.js'
import { businessPanels, eventPanels, overviewPanels, SERVICES, servicePanels, type Panel } from './panels.js'

const FOLDER = 'deploy/grafana/dashboards'
/** As deploy/grafana/provisioning/datasources names it. */
const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' }
const COLUMNS = 24

const queriesOf = ({ queries, isStat }: Panel) =>
  Object.entries(queries).map(([legend, expr], index) => {
    const query = new DataqueryBuilder()
      .datasource(PROMETHEUS)
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCodePoint(65 + index))
    // What has exemplars shows them: from a slow point to its trace.
    return isStat === true ? query.instant() : query.range().exemplar(expr.includes('_bucket'))
  })

const builderOf = (panel: Panel): Stat | TimeSeries => {
  const { title, description, unit, isStat, floor } = panel
  const latest = new ReduceDataOptionsBuilder().calcs(['lastNotNull'])
  const builder = isStat === true ? new Stat().reduceOptions(latest) : new TimeSeries().fillOpacity(8).showPoints(VisibilityMode.Never)
  builder.title(title).description(description).unit(unit).datasource(PROMETHEUS).targets(queriesOf(panel))
  builder.height(isStat === true ? 4 : 8).span(panel.span ?? COLUMNS / 2)
  if (floor === undefined) return builder
  const steps = [
    { value: null, color: 'red' },
    { value: floor, color: 'green' },
  ]
  return builder.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
}

const jsonOf = (name: string, title: string, panels: readonly Panel[]): string => {
  const board = new DashboardBuilder(`Catamaran: ${title}`).uid(`catamaran-${name}`).tags(['catamaran']).readonly().timezone('utc')
  board.refresh('30s').time({ from: 'now-1h', to: 'now' }).tooltip(DashboardCursorSync.Crosshair)
  panels.forEach((panel, index) => board.withPanel(builderOf(panel).id(index + 1)))
  return `${JSON.stringify(board.build(), null, 2)}\n`
}

/** All dashboards: the path of each file, and what makes its JSON. Their addresses, `/d/catamaran-<name>`, are what alerts link to. */
export const dashboards = (root: string): { path: string; make: () => Promise<string> }[] =>
  [
    { name: 'overview', title: 'objectives', panels: () => overviewPanels(readObjectives(root)) },
    ...SERVICES.map((name) => ({ name, title: name, panels: () => servicePanels(name) })),
    { name: 'events', title: 'events', panels: () => eventPanels },
    { name: 'business', title: 'business', panels: () => businessPanels },
  ].map(({ name, title, panels }) => ({
    path: `${FOLDER}/${name}.json`,
    make: async () => jsonOf(name, title, panels()),
  }))
