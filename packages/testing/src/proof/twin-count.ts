import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { type ProofDevice, STREAM } from './sender.ts'

/** What twins have of the numbers 1 to n of each device. */
export interface TwinCount {
  stored: number
  /** Numbers without a sample, or that the minutes did not count. */
  lost: number
  /** Samples beyond one for each number, and what the minutes counted beyond that. */
  doubled: number
}

/** Without anything new for so long, what is missing is lost. */
const STILL_MS = 15_000
const POLL_MS = 500

/**
 * Asks the twins until they have everything, or nothing more comes. What a twin does not tell counts for nothing on the
 * way there, and is no loss: a control that is to be caught losing would be caught by an edge that does not answer.
 *
 * @throws what a twin answers that still cannot be asked when nothing more comes
 */
export async function countAtTwins(
  owner: Pick<Session, 'client'>,
  known: readonly Pick<ProofDevice, 'id'>[],
  each: number,
  stillMs = STILL_MS,
): Promise<TwinCount> {
  const counts = new Map<string, TwinCount>()
  let last = -1
  let movedAt = performance.now()
  for (;;) {
    for (const { id } of known) {
      if (counts.get(id)?.lost === 0) continue
      // The edge is busy or just came back: asked again.
      const count = await countOne(owner, id, each).catch(() => undefined)
      if (count !== undefined) counts.set(id, count)
    }
    const stored = sumOf([...counts.values()]).stored
    if (stored !== last) movedAt = performance.now()
    last = stored
    const isComplete = known.every(({ id }) => counts.get(id)?.lost === 0)
    if (isComplete || performance.now() - movedAt > stillMs) break
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  // Once more, for what came twice while the others were asked.
  const final: TwinCount[] = []
  for (const { id } of known) final.push(await countOne(owner, id, each))
  return sumOf(final)
}

const sumOf = (counts: readonly TwinCount[]): TwinCount =>
  counts.reduce(
    (sum, { stored, lost, doubled }) => ({
      stored: sum.stored + stored,
      lost: sum.lost + lost,
      doubled: sum.doubled + doubled,
    }),
    { stored: 0, lost: 0, doubled: 0 },
  )

async function countOne(
  { client }: Pick<Session, 'client'>,
  id: string,
  each: number,
): Promise<TwinCount> {
  const ask = async (resolution: 'raw' | 'minute') => {
    const { data } = await client.call(devices.telemetry, {
      params: { id },
      query: { stream: STREAM, resolution },
      signal: AbortSignal.timeout(10_000),
    })
    return data.series ?? []
  }
  // Minutes first: what comes in between may only make them look too small, and is looked at again.
  const minutes = await ask('minute')
  const samples = await ask('raw')
  const numbers = samples.flatMap((sample) => ('seq' in sample ? [sample.seq ?? 0] : []))
  const once = new Set(numbers.filter((seq) => seq >= 1 && seq <= each)).size
  const counted = minutes.reduce((sum, one) => sum + ('count' in one ? one.count : 0), 0)
  return {
    stored: once,
    lost: each - Math.min(once, counted),
    doubled: numbers.length - once + Math.max(0, counted - once),
  }
}
