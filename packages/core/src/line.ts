import type { MetricSample, SeriesName } from '@menagerie/contracts'
import type { LogFields, Logger, LogLevel } from './logger.ts'

/**
 * The one line of a request, message or alarm, gathered while it runs and written once at its end. Counters ride in
 * it, so that nothing of metrics is on the way of an answer.
 */
export class Line {
  readonly #logger: Logger
  readonly #fields: LogFields = {}
  readonly #metrics: MetricSample[] = []
  #level: LogLevel = 'info'

  constructor(logger: Logger, fields: LogFields = {}) {
    this.#logger = logger
    this.add(fields)
  }

  /** Adds members to the line. */
  add(fields: LogFields): this {
    Object.assign(this.#fields, fields)
    return this
  }

  /** Adds to a counter or gauge, or hands a value to a histogram. */
  count(name: SeriesName, labels: Record<string, string> = {}, value = 1): this {
    this.#metrics.push({ name, labels, value })
    return this
  }

  /** Raises the level of the line; a lower one is ignored. */
  raise(level: 'warn' | 'error'): this {
    if (this.#level !== 'error') this.#level = level
    return this
  }

  /** Writes the line. */
  end(message: string, fields: LogFields = {}): void {
    this.add(fields)
    this.#logger.log(this.#level, message, { ...this.#fields, metrics: this.#metrics })
  }

  /** True when something was added that would be lost if the line were not written. */
  get hasMetrics(): boolean {
    return this.#metrics.length > 0
  }
}

/**
 * Runs one message, alarm or RPC call and writes its line, also when it throws.
 *
 * @param now milliseconds, for the duration
 */
export async function withLine<T>(
  line: Line,
  message: string,
  now: () => number,
  work: (line: Line) => Promise<T> | T,
): Promise<T> {
  const startedAt = now()
  try {
    return await work(line)
  } catch (error) {
    line.raise('error').add({ error })
    throw error
  } finally {
    line.end(message, { durationMs: now() - startedAt })
  }
}
