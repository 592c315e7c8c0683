import { verifyChain } from '../../src/journal/chain.ts'
import type { MemoryStorage } from '../../src/journal/memory-storage.ts'
import type { JournalEvent } from '../../src/journal/types.ts'
import { assert, Broken, type Core } from './world-types.ts'

/** What a world has seen from outside, by which its journal is judged. */
export interface Witness {
  core: Core
  storage: MemoryStorage
  /** Every event that was ever shown. */
  log: readonly JournalEvent[]
  /** The first outcome of each answered key. */
  answers: ReadonlyMap<string, { variant: number; outcome: string }>
  /** How often each message had an effect. */
  effects: ReadonlyMap<string, number>
  erased: ReadonlySet<number>
  receiversDropKnownIds: boolean
}

/** Checks what a journal promises, once everything has come to rest. @throws Broken */
export function checkPromises(witness: Witness): void {
  checkInputs(witness)
  checkMessages(witness)
  checkTimers(witness)
  checkChain(witness)
}

function checkInputs({ core, storage, answers, log }: Witness): void {
  const decided = core.state?.decided ?? 0
  const marks = storage.exec<{ key: string }>('SELECT key FROM marks').map((row) => row.key)
  assert(new Set(marks).size === marks.length, 'an input acts once')
  assert(marks.length === decided, 'state and own tables move together')
  for (const [key, { variant }] of answers) {
    assert(marks.includes(key), 'what was answered was kept')
    const again = core.apply(
      { actor: 'someone', source: 'http', id: key, body: { variant } },
      (state) => ({ state, events: [], outcome: { decided: -1 } }),
    )
    assert(again.ok && again.value.replayed, 'what was answered is known')
  }
  for (const key of marks) {
    const made = log.filter((event) => event.type === 'done' && event.data?.key === key)
    const count = Number(made[0]?.data?.count ?? 0)
    assert(made.length === count, 'an input appends all of its events or none')
  }
}

function checkMessages({ log, effects, receiversDropKnownIds }: Witness): void {
  const wanted = new Set<string>()
  for (const event of log)
    for (const name of (event.data?.to as string[] | undefined) ?? [])
      wanted.add(`${event.id}.${name}`)
  for (const effect of wanted) assert((effects.get(effect) ?? 0) >= 1, `${effect} has arrived`)
  for (const [effect, times] of effects) {
    assert(wanted.has(effect), `${effect} tells of something that happened`)
    if (receiversDropKnownIds) assert(times === 1, `${effect} has one effect`)
  }
}

function checkTimers({ log }: Witness): void {
  const sets = log.filter((event) => event.data?.timer !== undefined)
  const fired = log.filter((event) => event.type === 'fired')
  sets.forEach((set, index) => {
    const times = fired.filter((event) => event.data?.generation === index + 1).length
    const again = sets.slice(index + 1).some((later) => later.data?.timer === set.data?.timer)
    assert(times <= 1, 'a timer fires once')
    assert(times === 1 || again, 'a timer that was not set anew fires')
  })
}

function checkChain({ core, erased }: Witness): void {
  const proof = core.proof(1, Number.MAX_SAFE_INTEGER)
  const page = core.replay(core.base(), 1000)
  if (!proof.ok || !page.ok) throw new Broken('a journal proves itself')
  const verified = verifyChain(proof.value, page.value.events)
  assert(verified.ok, `the chain verifies: ${JSON.stringify(verified)}`)
  if (!verified.ok) return
  assert(proof.value.toHash === core.head()?.hash, 'the chain ends at the head')
  for (const seq of verified.value.erased) assert(erased.has(seq), 'the chain says what was erased')
}
