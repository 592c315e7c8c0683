import { expect, test } from 'vitest'
import { initialSocket, step } from './socket-state.ts'
import type { SocketEffect, SocketEvent } from './socket-types.ts'

/** mulberry32: the same seed gives the same run, so that a failure can be tried again. */
function generator(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A journal with one socket, and a line between the two that loses, doubles and breaks. */
class World {
  readonly random: () => number
  state = initialSocket(0)
  now = 0
  seq = 0
  /** Replay reaches back to here; below it a welcome carries a snapshot. */
  base = 0
  faults = true
  /** Effects of frames by their id: each must happen once. */
  readonly written = new Map<string, number>()
  readonly sent: string[] = []
  readonly answered = new Map<string, number | undefined>()
  readonly delivered: (number | `reset:${number}`)[] = []
  #toClient: { attempt: number; text: string }[] = []
  #connection = 0
  #timers = new Map<string, number>()

  constructor(seed: number) {
    this.random = generator(seed)
  }

  chance = (probability: number) => this.random() < probability

  dispatch(event: SocketEvent): void {
    const done = step(this.state, event, this.now, this.random())
    this.state = done.state
    for (const effect of done.effects) this.#perform(effect)
  }

  /** A line reads one thing after another, so a lost frame is lost and the rest stays in order. */
  #say(frame: object): void {
    if (this.#connection === 0) return
    const message = { attempt: this.#connection, text: JSON.stringify(frame) }
    if (this.faults && this.chance(0.05)) return
    this.#toClient.push(message)
    if (this.faults && this.chance(0.05)) this.#toClient.push(message)
  }

  #event = (seq: number) => ({ type: 'call.status', seq, data: {} })

  /** Journals one event and sends it to the socket. */
  append(): number {
    this.seq += 1
    this.#say(this.#event(this.seq))
    return this.seq
  }

  #replay(afterSeq: number): void {
    const resumed = afterSeq >= this.base
    this.#say({
      type: 'welcome',
      data: { connectionId: 'c', seq: this.seq, snapshot: null, resumed },
    })
    if (!resumed) return
    const events = []
    for (let seq = afterSeq + 1; seq <= this.seq; seq++) events.push(this.#event(seq))
    while (events.length > 0) {
      const size = 1 + Math.floor(this.random() * 4)
      const part = events.splice(0, size)
      if (part[0] && part.length === 1) this.#say(part[0])
      else this.#say({ type: 'batch', data: { events: part } })
    }
  }

  #perform(effect: SocketEffect): void {
    switch (effect.type) {
      case 'grant':
        this.dispatch(
          this.faults && this.chance(0.2)
            ? { type: 'refused', attempt: effect.attempt, status: 503, retryAfterMs: 0 }
            : { type: 'granted', attempt: effect.attempt, url: 'ws://x/', ticket: 't' },
        )
        return
      case 'open':
        this.#connection = effect.attempt
        this.#toClient = []
        this.#replay(Number(new URL(effect.url).searchParams.get('afterSeq')))
        return
      case 'transmit':
        if (effect.text !== 'ping') this.#receive(JSON.parse(effect.text))
        else this.#toClient.push({ attempt: this.#connection, text: 'pong' })
        return
      case 'hang-up':
        this.#connection = 0
        return
      case 'welcome':
        if (effect.reset) this.delivered.push(`reset:${effect.read.data.seq}`)
        return
      case 'deliver':
        this.delivered.push(effect.frame.seq)
        return
      case 'settle':
        if (effect.read.kind === 'ack') this.answered.set(effect.read.id, effect.read.seq)
        return
      case 'timer.set':
        this.#timers.set(effect.timer, this.now + effect.delayMs)
        return
      case 'timer.cancel':
        this.#timers.delete(effect.timer)
        return
      case 'show':
      case 'status':
      case 'abandon':
        return
    }
  }

  #receive(frame: { type: string; id?: string; data: { lastSeq?: number } }): void {
    if (this.faults && this.chance(0.05)) return
    if (frame.type === 'resume') {
      this.#replay(frame.data.lastSeq ?? 0)
      return
    }
    const id = frame.id ?? ''
    const seq = this.written.get(id) ?? this.append()
    this.written.set(id, seq)
    this.#say({ type: 'ack', data: { id, seq } })
  }

  breakLine(): void {
    const attempt = this.#connection
    if (attempt === 0) return
    this.#connection = 0
    // What was on its way may or may not arrive before the break is noticed.
    if (this.chance(0.5)) this.#toClient = []
    this.deliverAll()
    this.dispatch({ type: 'dropped', attempt, code: this.chance(0.5) ? 1006 : 1013 })
  }

  deliverAll(): void {
    for (let next = this.#toClient.shift(); next; next = this.#toClient.shift())
      this.dispatch({ type: 'message', ...next })
  }

  /** Turns the clock to the next timer and lets it fire. */
  turn(): void {
    const [first] = [...this.#timers].sort((a, b) => a[1] - b[1])
    if (!first) return
    this.now = Math.max(this.now, first[1])
    this.#timers.delete(first[0])
    this.dispatch({ type: 'timer', timer: first[0] as 'retry' })
  }

  send(): void {
    const id = `m${this.sent.length}`
    this.sent.push(id)
    this.dispatch({
      type: 'send',
      id,
      text: JSON.stringify({ type: 'message.send', id, data: {} }),
    })
  }
}

/** Random days of one socket, then a quiet end in which everything must come right. */
function live(seed: number): World {
  const world = new World(seed)
  world.dispatch({ type: 'start' })
  for (let n = 0; n < 60; n++) {
    const what = world.random()
    if (what < 0.4) world.append()
    else if (what < 0.55) world.send()
    else if (what < 0.75) world.deliverAll()
    else if (what < 0.83) world.breakLine()
    else if (what < 0.86) world.base = Math.floor(world.random() * (world.seq + 1))
    else world.turn()
  }
  world.faults = false
  world.breakLine()
  for (let n = 0; n < 40; n++) {
    world.deliverAll()
    world.turn()
  }
  // The last event shows a gap that the loss of earlier last ones has left.
  world.append()
  for (let n = 0; n < 10; n++) {
    world.deliverAll()
    world.turn()
  }
  return world
}

test('over 1,000 random lives every seq arrives once and in order, and every frame takes effect once', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const world = live(seed)
    let position = 0
    for (const item of world.delivered) {
      if (typeof item === 'string') position = Number(item.slice('reset:'.length))
      else {
        expect(item, `seed ${seed}: ${world.delivered.join(' ')}`).toBe(position + 1)
        position = item
      }
    }
    expect(position, `seed ${seed}: all of it has arrived`).toBe(world.seq)
    expect(world.answered, `seed ${seed}: every frame is answered with its own number`).toEqual(
      new Map(world.sent.map((id) => [id, world.written.get(id)])),
    )
  }
})
