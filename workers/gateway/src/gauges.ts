import { type MetricSample, type SeriesName, series } from '@menagerie/contracts'
import { clockOf, serviceTokenFor, version } from '@menagerie/core'
import type { Context } from 'hono'
import { z } from 'zod'
import type { App } from './context.ts'
import { traceHeaders } from './forward.ts'

const Gauge = z.object({
  name: z.enum(Object.keys(series) as [SeriesName, ...SeriesName[]]),
  labels: z.record(z.string(), z.string()),
  value: z.number(),
})
const Answer = z.object({ data: z.array(Gauge) })

/** Owners of gauges, asked when somebody scrapes. */
const owners = [
  { name: 'communications', binding: 'COMMUNICATIONS' },
  { name: 'devices', binding: 'DEVICES' },
] as const
const CACHE_MS = 10_000

let cached: { at: number; gauges: MetricSample[] } | undefined

/** What is now, asked of its owners at most every ten seconds. An owner that does not answer leaves its gauges out, and the line says so. */
export async function gauges(c: Context<App>): Promise<MetricSample[]> {
  const now = clockOf(c.env).now()
  if (!cached || now - cached.at >= CACHE_MS) {
    const answers = await Promise.all(
      owners.map((owner) =>
        ask(c, owner).catch((error: unknown) => {
          c.get('line').raise('warn').add({ gaugesOf: owner.name, error })
          return []
        }),
      ),
    )
    cached = {
      at: now,
      gauges: [{ name: 'build_info', labels: { version }, value: 1 }, ...answers.flat()],
    }
  }
  return cached.gauges
}

async function ask(c: Context<App>, owner: (typeof owners)[number]): Promise<MetricSample[]> {
  const { env } = c
  const response = await env[owner.binding].fetch(`${env.PUBLIC_URL}/internal/gauges`, {
    headers: {
      ...traceHeaders(c),
      authorization: `Bearer ${await serviceTokenFor(env, owner.name)}`,
    },
    signal: AbortSignal.timeout(3_000),
  })
  return Answer.parse(await response.json()).data
}
