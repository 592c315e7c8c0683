import { setTimeout as pause } from 'node:timers/promises'

/** What a device says about a command (contract §5). */
export interface CommandAnswer {
  kind: 'ack' | 'progress' | 'result'
  body: Readonly<Record<string, unknown>>
}

/** Ids that are remembered: the edge repeats a command within its time-out, not after hundreds of others. */
const REMEMBERED = 200
/** How long a simulated command takes. */
const WORK_MS = 100

/**
 * Does commands once each, however often they come. A command `fail` fails; every other one succeeds and gives its
 * payload back.
 */
export class CommandBook {
  /** The result by the command's id; `undefined` while it is worked on. */
  readonly #results = new Map<string, CommandAnswer | undefined>()
  #done = 0

  /** Commands that were carried out, repeats not counted. */
  get done(): number {
    return this.#done
  }

  /** @param answer told what to say, in order */
  async take(
    id: string,
    command: Readonly<Record<string, unknown>>,
    answer: (answer: CommandAnswer) => void,
  ): Promise<void> {
    const known = this.#results.has(id)
    answer({ kind: 'ack', body: { status: 'accepted' } })
    if (known) {
      const result = this.#results.get(id)
      if (result !== undefined) answer(result)
      return
    }
    this.#remember(id, undefined)
    answer({ kind: 'progress', body: { status: 'working', result: { percent: 50 } } })
    await pause(WORK_MS, undefined, { ref: false })
    const result: CommandAnswer = { kind: 'result', body: resultOf(command) }
    this.#done += 1
    this.#remember(id, result)
    answer(result)
  }

  #remember(id: string, result: CommandAnswer | undefined): void {
    this.#results.set(id, result)
    const [oldest] = this.#results.keys()
    if (this.#results.size > REMEMBERED && oldest !== undefined) this.#results.delete(oldest)
  }
}

function resultOf({ name, payload }: Readonly<Record<string, unknown>>): CommandAnswer['body'] {
  if (name === 'fail')
    return { status: 'failed', error: { code: 'asked_to', message: 'It was asked to fail' } }
  return { status: 'succeeded', result: { did: name, payload } }
}
