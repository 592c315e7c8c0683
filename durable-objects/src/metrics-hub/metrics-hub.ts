import { DurableObject } from 'cloudflare:workers'
import { systemClock } from '@menagerie/core'
import type { GaugeReading, SeriesDelta } from './delta.ts'
import { addDelta, type Exec, families, hasTables, migrate, noteFlush } from './tables.ts'
import { renderText } from './text-format.ts'

export interface MetricsHubEnv {
  CLOCK_OFFSET_MS?: string
}

/**
 * The one owner of all Prometheus series. Isolates come and go; the sums are here, in SQLite, so a counter never goes
 * backwards. The rules of the tables are in `tables.ts`, the text in `text-format.ts`.
 */
export class MetricsHub extends DurableObject<MetricsHubEnv> {
  readonly #exec: Exec = (sql, ...bindings) =>
    this.ctx.storage.sql.exec(sql, ...bindings).toArray() as never

  constructor(ctx: DurableObjectState, env: MetricsHubEnv) {
    super(ctx, env)
    if (hasTables(this.#exec)) ctx.storage.transactionSync(() => migrate(this.#exec))
  }

  /**
   * Adds the sums of one flush. A flush that was recorded before is left out, so it may be sent again.
   *
   * @param flushId unique for each flush, the same for its repeats
   */
  record(flushId: string, deltas: SeriesDelta[]): { recorded: boolean } {
    const now = systemClock(this.env.CLOCK_OFFSET_MS).now()
    return this.ctx.storage.transactionSync(() => {
      migrate(this.#exec)
      const recorded = noteFlush(this.#exec, flushId, now)
      if (recorded) for (const delta of deltas) addDelta(this.#exec, delta)
      return { recorded }
    })
  }

  /**
   * All series in Prometheus' text format 0.0.4 (`text/plain; version=0.0.4`).
   *
   * @param gauges what the caller asked of the gauges' owners for this scrape, `build_info` among them
   */
  render(gauges: GaugeReading[]): string {
    return renderText(families(this.#exec, gauges))
  }
}
