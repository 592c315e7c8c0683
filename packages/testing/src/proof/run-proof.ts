import { findMosquitto } from '../broker/index.ts'
import { freePort } from '../free-port.ts'
import { launch } from '../launcher/launch.ts'
import type { System } from '../launcher/system.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { whenReady } from './bridge-ready.ts'
import { type Outcome, type ProofRun, proofRuns } from './runs.ts'

const usage = (names: readonly string[]) => `npm run proof [-- --quick] [run …]

  Breaks a throwaway system of its own in the ways that the promise to devices speaks of, counts at the twins what was
  lost and what took effect twice, and exits with 1 when a promise is broken. --quick takes a tenth of everything.
  Runs: ${names.join(', ')}`

/** @returns the exit code: 0 where every promise held, 1 where one is broken, 2 for arguments that are no good */
export async function runProof(
  args: readonly string[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const quick = args.includes('--quick')
  const runs = proofRuns(quick ? 0.1 : 1)
  const names = args.filter((arg) => arg !== '--quick' && arg !== '--')
  if (names.some((name) => !(name in runs))) {
    say(usage(Object.keys(runs)))
    return names.includes('--help') ? 0 : 2
  }
  if (findMosquitto() === undefined) {
    say('npm run proof needs mosquitto: the embedded broker keeps nothing that a kill could lose')
    return 2
  }
  const folder = await temporaryFolder('proof')
  let system: System | undefined
  let broken = 0
  try {
    system = await launch({
      dataDir: folder.path,
      port: await freePort(),
      environment: 'test',
      seed: true,
      mqtt: { broker: 'mosquitto' },
    })
    for (const [name, run] of Object.entries(runs)) {
      if (names.length > 0 && !names.includes(name)) continue
      const began = performance.now()
      const { held, told } = await orAborted(outcomeOf(run, system), signal)
      const seconds = Math.round((performance.now() - began) / 1000)
      const verdict = held === undefined ? 'SKIPPED' : held ? 'held' : 'BROKEN'
      say(`${verdict.padEnd(7)} ${name.padEnd(14)} ${run.what}: ${told} · ${seconds} s`)
      if (held === false) broken += 1
    }
  } catch (error) {
    if (!signal.aborted) throw error
    return 130
  } finally {
    await system?.stop()
    await folder.remove()
  }
  return broken === 0 ? 0 : 1
}

/** A run that cannot be played to its end proves nothing. */
async function outcomeOf({ run }: ProofRun, system: System): Promise<Outcome> {
  try {
    // Whatever the run before has left behind.
    if (system.pid === undefined) await system.restart()
    if (system.mqtt !== undefined) await whenReady(system.mqtt.bridge)
    return await run(system)
  } catch (error) {
    return { held: false, told: error instanceof Error ? error.message : String(error) }
  }
}

/** @throws the signal's reason as soon as it is aborted; what is still under way then ends with the system */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    }),
  ])
}
