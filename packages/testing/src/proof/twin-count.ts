import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { type ProofDevice, STREAM } from './sender.ts'

/** What twins have of the numbers 1 to n of each device. */
export interface TwinCount {
  stored: number
  lost: number
  /** Samples beyond one for each number, and what the minutes counted beyond that. */
  doubled: number
}

/** Without anything new for so long, what is missing is lost. */
const STILL_MS = 15_000
const POLL_MS = 500

/** Asks the twins until they have everything, or nothing more comes. */
export async function countAtTwins(
  owner: Session,
  known: readonly ProofDevice[],
  each: number,
): Promise<TwinCount> {
  const counts = new Map<string, TwinCount>()
  let last = -1
  let movedAt = performance.now()
  for (;;) {
    for (const { id } of known) {
      const open = counts.get(id)?.lost !== 0
      if (open) counts.set(id, await countOne(owner, id, each))
    }
    const all = [...counts.values()]
    const sum = (of: (count: TwinCount) => number) => all.reduce((total, one) => total + of(one), 0)
    const total = { stored: sum((c) => c.stored), lost: sum((c) => c.lost), doubled: 0 }
    if (total.stored !== last) movedAt = performance.now()
    last = total.stored
    if (total.lost === 0 || performance.now() - movedAt > STILL_MS) {
      // Once more, for what came twice while the others were asked.
      const final: TwinCount[] = []
      for (const { id } of known) final.push(await countOne(owner, id, each))
      return { ...total, doubled: final.reduce((found, { doubled }) => found + doubled, 0) }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function countOne({ client }: Session, id: string, each: number): Promise<TwinCount> {
  const ask = (resolution: 'raw' | 'minute') =>
    client.call(devices.telemetry, {
      params: { id },
      query: { stream: STREAM, resolution },
      signal: AbortSignal.timeout(10_000),
    })
  try {
    // Minutes first: what comes in between may only make them look too small.
    const minutes = (await ask('minute')).data.series ?? []
    const samples = (await ask('raw')).data.series ?? []
    const numbers = samples.flatMap((sample) => ('seq' in sample ? [sample.seq ?? 0] : []))
    const once = new Set(numbers.filter((seq) => seq >= 1 && seq <= each)).size
    const counted = minutes.reduce((sum, one) => sum + ('count' in one ? one.count : 0), 0)
    return {
      stored: once,
      lost: each - once,
      doubled: numbers.length - once + Math.max(0, counted - once),
    }
  } catch {
    // The edge is busy or just came back: asked again.
    return { stored: 0, lost: each, doubled: 0 }
  }
}
