import type { MetricSample } from '@menagerie/contracts'
import { mask } from './mask.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** The members of a line that come first, in this order; the first six are the seed's. */
const leading = [
  'timestamp',
  'service',
  'level',
  'message',
  'user',
  'ip',
  'requestId',
  'traceId',
  'route',
  'method',
  'status',
  'durationMs',
] as const

export type LogFields = Record<string, unknown> & {
  user?: string | undefined
  ip?: string | undefined
  requestId?: string | undefined
  /** Changes of series; telemetry adds them up. */
  metrics?: MetricSample[] | undefined
}

export interface LoggerOptions {
  service: string
  /** Lines below it are dropped. */
  level?: LogLevel
  now?: () => number
  /** Where a line goes; `console.log` unless a test listens. */
  write?: (line: string) => void
}

/**
 * Writes structured lines: one JSON object each, the seed's keys first, secrets and personal data masked by key at
 * any depth. The one place that may use `console`.
 */
export class Logger {
  readonly #service: string
  readonly #threshold: number
  readonly #now: () => number
  readonly #write: (line: string) => void

  constructor(options: LoggerOptions) {
    this.#service = options.service
    this.#threshold = logLevels.indexOf(options.level ?? 'info')
    this.#now = options.now ?? (() => Date.now())
    // biome-ignore lint/suspicious/noConsole: the platform collects what is written here
    this.#write = options.write ?? ((line) => console.log(line))
  }

  debug = (message: string, fields?: LogFields) => this.log('debug', message, fields)
  info = (message: string, fields?: LogFields) => this.log('info', message, fields)
  warn = (message: string, fields?: LogFields) => this.log('warn', message, fields)
  error = (message: string, fields?: LogFields) => this.log('error', message, fields)

  /** Lines with metrics are never dropped by level: their numbers would be lost. */
  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (logLevels.indexOf(level) < this.#threshold && !fields.metrics?.length) return
    const { metrics, ...rest } = fields
    const all: Record<string, unknown> = {
      timestamp: new Date(this.#now()).toISOString(),
      service: this.#service,
      level,
      message,
      ...(mask(rest) as object),
    }
    const ordered: Record<string, unknown> = {}
    for (const key of leading) if (all[key] !== undefined) ordered[key] = all[key]
    for (const key of Object.keys(all)) if (all[key] !== undefined) ordered[key] = all[key]
    if (metrics?.length) ordered.metrics = metrics
    this.#write(JSON.stringify(ordered))
  }
}
