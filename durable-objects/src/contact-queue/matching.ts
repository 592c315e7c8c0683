import type { QueueBook } from './queue-book.ts'
import type { AgentEntry, WaitingEntry } from './queue-model.ts'

/**
 * Gives waiting contacts to ready agents until none fits: the contacts by priority and wait, each to the longest idle
 * agent who has the skills and did not pass it by.
 *
 * It looks from the agents' side, which comes to the same, since all contacts see the agents in one order and all
 * agents the contacts: whoever is first of the agents gets the first contact that fits, and no earlier contact could
 * have taken that agent. So it costs what is assigned and not what waits.
 *
 * @param assign keeps the contact for the agent in the book
 */
export function match(
  book: QueueBook,
  now: number,
  assign: (contact: WaitingEntry, agent: AgentEntry) => void,
): void {
  if (book.lanes.empty) return
  const ready = book.ready(now).map((agent) => candidateOf(book, agent))
  ready.sort(idleFirst)
  for (let next = 0; next < ready.length && !book.lanes.empty; ) {
    const candidate = ready[next]
    if (candidate === undefined) return
    const { agent, skills } = candidate
    const { agentId } = agent.standing
    const contact = book.lanes.firstFor(agentId, skills)
    next += 1
    if (contact === undefined) continue
    assign(contact, agent)
    if (book.freeOf(agentId) === 0) continue
    // With a contact on the way the agent comes after those who have none.
    const again = candidateOf(book, agent)
    let place = next
    for (let other = ready[place]; other !== undefined; other = ready[++place])
      if (idleFirst(again, other) < 0) break
    ready.splice(place, 0, again)
  }
}

/** Whether somebody who is ready could take it but for having passed it by. */
export function couldTake(ready: readonly AgentEntry[], contact: WaitingEntry): boolean {
  return ready.some(({ standing }) =>
    contact.skills.every((skill) => standing.skills.includes(skill)),
  )
}

interface Candidate {
  agent: AgentEntry
  skills: ReadonlySet<string>
  underWay: number
}

const candidateOf = (book: QueueBook, agent: AgentEntry): Candidate => ({
  agent,
  skills: new Set(agent.standing.skills),
  underWay: book.reservationsOf(agent.standing.agentId),
})

/** Negative when `a` comes before `b`. */
const idleFirst = (a: Candidate, b: Candidate): number =>
  a.underWay - b.underWay ||
  a.agent.standing.idleSince - b.agent.standing.idleSince ||
  (a.agent.standing.agentId < b.agent.standing.agentId ? -1 : 1)
