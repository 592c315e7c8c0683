import { MAX_FRAME_BYTES, type WelcomeData } from '@menagerie/contracts'
import { ApiError } from '../http/api-error.ts'
import { FrameRefusedError, SocketStoppedError } from './socket-errors.ts'
import { initialSocket, step } from './socket-state.ts'
import type {
  Acknowledgement,
  EventFrame,
  Frame,
  SocketEffect,
  SocketEvent,
  SocketStatus,
  TimerName,
} from './socket-types.ts'

/** The part of the standard WebSocket that is used; browsers', Node's and `ws`'s fit. */
interface SocketLike {
  readonly readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number }) => void): void
  addEventListener(type: 'error', listener: (event: object) => void): void
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => SocketLike

/** Clock and timers, so that a test can turn them. */
export interface Timers {
  now(): number
  set(work: () => void, delayMs: number): unknown
  clear(handle: unknown): void
}

export interface SocketOptions {
  /**
   * Asks for a fresh ticket; called for every try. An `ApiError` with 401, 403 or 404 stops the socket for good,
   * any other failure is tried again.
   */
  connect: () => Promise<{ url: string; ticket: string }>
  /** The last event the caller already has; without it events begin at the welcome. */
  afterSeq?: number
  /** Every event once, in order. */
  onEvent: (event: EventFrame) => void
  /**
   * Every welcome. Where `reset` is true the snapshot stands for everything up to `welcome.seq`; where it is false
   * the missed events follow one by one and the snapshot, being newer than they are, is not to be used.
   */
  onWelcome?: (welcome: WelcomeData, reset: boolean) => void
  /** Frames without a number: typing, signalling, live figures, errors that answer no frame. */
  onFrame?: (frame: Frame) => void
  onState?: (status: SocketStatus) => void
  WebSocket?: WebSocketConstructor
  /** In [0, 1). */
  random?: () => number
  timers?: Timers
}

export interface ResumingSocket {
  readonly status: SocketStatus
  /** The last event handed over: what to give as `afterSeq` after a reload. */
  readonly position: number | undefined
  /**
   * Sends a frame until it is answered, over as many connections as it takes and under one id, so that it takes
   * effect once. Frames go in the order they were sent.
   *
   * @throws (rejects) FrameRefusedError, SocketStoppedError, TypeError for an id in use or more than 64 KiB
   */
  send(type: string, data: Record<string, unknown>, id?: string): Promise<Acknowledgement>
  /** Sends a frame that gets no `ack` (typing, signalling); false while there is no connection, and it is not kept. */
  emit(type: string, data: Record<string, unknown>): boolean
  /** Ends it for good: no event comes after it, and frames without an answer are rejected. */
  close(): void
}

const systemTimers: Timers = {
  now: Date.now,
  set: (work, delayMs) => setTimeout(work, delayMs),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
}
const OPEN = 1

/**
 * Opens a WebSocket that survives its connections (contract §4). The rules are in `socket-state.ts`; here they meet
 * the platform.
 *
 * @example
 * const socket = openSocket({
 *   connect: async () => (await client.call(calls.ticket, { params: { id } })).data,
 *   onEvent: (event) => timeline.push(event),
 * })
 */
export function openSocket(options: SocketOptions): ResumingSocket {
  const Socket: WebSocketConstructor = options.WebSocket ?? globalThis.WebSocket
  const timers = options.timers ?? systemTimers
  const random = options.random ?? Math.random
  const handles = new Map<TimerName, unknown>()
  const waiting = new Map<string, PromiseWithResolvers<Acknowledgement>>()
  const queue: SocketEvent[] = []
  let state = initialSocket(options.afterSeq)
  let status: SocketStatus = { name: 'connecting' }
  let socket: SocketLike | undefined
  let running = false
  let closing = false

  /** One event at a time: what a callback asks for happens after the effects before it. */
  function dispatch(event: SocketEvent): void {
    queue.push(event)
    if (running) return
    running = true
    for (let next = queue.shift(); next; next = queue.shift()) {
      const done = step(state, next, timers.now(), random())
      state = done.state
      for (const effect of done.effects) perform(effect)
    }
    running = false
  }

  function perform(effect: SocketEffect): void {
    switch (effect.type) {
      case 'grant':
        void grant(effect.attempt)
        return
      case 'open':
        open(effect.attempt, effect.url, effect.protocols)
        return
      case 'transmit':
        if (socket?.readyState === OPEN) socket.send(effect.text)
        return
      case 'hang-up':
        socket?.close(effect.code, effect.reason)
        socket = undefined
        return
      case 'welcome':
        if (!closing) tell(() => options.onWelcome?.(effect.read.data, effect.reset))
        return
      case 'deliver':
        if (!closing) tell(() => options.onEvent(effect.frame))
        return
      case 'show':
        if (!closing) tell(() => options.onFrame?.(effect.frame))
        return
      case 'status':
        status = effect.status
        tell(() => options.onState?.(effect.status))
        return
      case 'settle':
        settle(effect)
        return
      case 'abandon':
        for (const id of effect.ids) {
          waiting.get(id)?.reject(new SocketStoppedError(effect.reason, effect.code))
          waiting.delete(id)
        }
        return
      case 'timer.set':
        setTimer(effect.timer, effect.delayMs)
        return
      case 'timer.cancel':
        clearTimer(effect.timer)
        return
    }
  }

  async function grant(attempt: number): Promise<void> {
    dispatch(await askForTicket(options.connect, attempt))
  }

  function open(attempt: number, url: string, protocols: string[]): void {
    let opened: SocketLike
    try {
      opened = new Socket(url, protocols)
    } catch {
      // An address or ticket the platform will not take: the next ticket may be better.
      dispatch({ type: 'dropped', attempt, code: 1006 })
      return
    }
    socket = opened
    opened.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') dispatch({ type: 'message', attempt, text: data })
    })
    opened.addEventListener('close', ({ code }) => dispatch({ type: 'dropped', attempt, code }))
    // A close always follows; without a listener Node's `ws` would throw.
    opened.addEventListener('error', () => undefined)
  }

  function settle({ read }: Extract<SocketEffect, { type: 'settle' }>): void {
    const promise = waiting.get(read.id)
    waiting.delete(read.id)
    if (read.kind === 'ack') promise?.resolve({ id: read.id, seq: read.seq })
    else promise?.reject(new FrameRefusedError(read.code, read.detail))
  }

  function setTimer(timer: TimerName, delayMs: number): void {
    clearTimer(timer)
    const fire = () => {
      handles.delete(timer)
      dispatch({ type: 'timer', timer })
    }
    handles.set(timer, timers.set(fire, delayMs))
  }

  function clearTimer(timer: TimerName): void {
    if (handles.has(timer)) timers.clear(handles.get(timer))
    handles.delete(timer)
  }

  dispatch({ type: 'start' })

  return {
    get status() {
      return status
    },
    get position() {
      return state.position
    },
    send(type, data, id = crypto.randomUUID()) {
      const text = JSON.stringify({ type, id, data })
      if (new TextEncoder().encode(text).length > MAX_FRAME_BYTES)
        return Promise.reject(new TypeError(`A frame has at most ${MAX_FRAME_BYTES} bytes`))
      if (waiting.has(id)) return Promise.reject(new TypeError(`The id ${id} waits already`))
      if (state.phase.name === 'stopped')
        return Promise.reject(new SocketStoppedError('The socket has stopped'))
      const promise = Promise.withResolvers<Acknowledgement>()
      waiting.set(id, promise)
      dispatch({ type: 'send', id, text })
      return promise.promise
    },
    emit(type, data) {
      const live = state.phase.name === 'live' || state.phase.name === 'catching-up'
      if (live) dispatch({ type: 'emit', text: JSON.stringify({ type, data }) })
      return live
    },
    close() {
      closing = true
      dispatch({ type: 'close' })
    },
  }
}

async function askForTicket(
  connect: SocketOptions['connect'],
  attempt: number,
): Promise<SocketEvent> {
  try {
    const { url, ticket } = await connect()
    return { type: 'granted', attempt, url: new URL(url).href, ticket }
  } catch (error) {
    const known = error instanceof ApiError ? error : undefined
    const retryAfterMs = (known?.retryAfterSeconds ?? 0) * 1000
    return { type: 'refused', attempt, status: known?.status, retryAfterMs }
  }
}

/** A callback that throws is the app's fault and is reported as such; the socket goes on with its next event. */
function tell(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
