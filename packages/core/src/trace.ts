/** W3C Trace Context: where a request comes from and what it is part of. */
export interface Trace {
  /** 32 hex digits, shared by everything one outside request causes. */
  traceId: string
  /** 16 hex digits, this hop. */
  spanId: string
  sampled: boolean
}

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Ids of a trace must differ, not be secret (W3C Trace Context §7): no cryptographic randomness for every request. */
function randomHex(words: number): string {
  let hex = ''
  for (let i = 0; i < words; i++)
    hex += Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return hex
}

/**
 * Goes on with a `traceparent` (W3C Trace Context §3.2), under a span of its own; a missing or malformed one starts a
 * new trace, as §4.3 asks.
 */
export function continueTrace(traceparent: string | null | undefined): Trace {
  const match = form.exec(traceparent ?? '')
  const [, traceId = '', parent = '', flags = '01'] = match ?? []
  const valid = match && !/^0+$/.test(traceId) && !/^0+$/.test(parent)
  return {
    traceId: valid ? traceId : randomHex(4),
    spanId: randomHex(2),
    sampled: valid ? (Number.parseInt(flags, 16) & 1) === 1 : true,
  }
}

/** The trace a message or an alarm belongs to; `undefined` where its `traceparent` tells none. */
export const traceIdOf = (traceparent: unknown): string | undefined =>
  typeof traceparent === 'string' ? form.exec(traceparent)?.[1] : undefined

/** The header that hands a trace on. */
export const toTraceparent = (trace: Trace): string =>
  `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`
