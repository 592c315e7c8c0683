import { freePort, launch, temporaryFolder } from '@menagerie/testing'
import { roomChaos } from '@menagerie/testing/room-chaos'
import { quantile } from '../load.ts'
import type { Finding } from '../report.ts'

const MESSAGES = 1_000

/** How soon a client of a room is back: from a reset, from the end of the room's memory, and from when a killed system answers again. */
export async function resumeTimes(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench-resume')
  const system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    doors: true,
    lab: true,
    seed: true,
  })
  try {
    const { resumes } = await roomChaos(system, MESSAGES)
    const p95 = quantile(resumes, 0.95)
    return [
      {
        what: `20 clients × ${MESSAGES} events, resets, evictions, kills: from loss to welcome, p95`,
        measured: `${p95.toFixed(0)} ms (p50 ${quantile(resumes, 0.5).toFixed(0)} ms, ${resumes.length} losses)`,
        goal: '< 2000 ms',
        met: p95 < 2_000,
      },
    ]
  } finally {
    await system.stop()
    await folder.remove()
  }
}
