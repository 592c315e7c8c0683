/** W3C Trace Context: where a request comes from and what it is part of. */
export interface Trace {
  /** 32 hex digits, shared by everything one outside request causes. */
  traceId: string
  /** 16 hex digits, this hop. */
  spanId: string
  sampled: boolean
}

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

const randomHex = (bytes: number): string =>
  [...crypto.getRandomValues(new Uint8Array(bytes))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

/**
 * Goes on with a `traceparent` (W3C Trace Context §3.2), under a span of its own; a missing or malformed one starts a
 * new trace, as §4.3 asks.
 */
export function continueTrace(traceparent: string | null | undefined): Trace {
  const match = form.exec(traceparent ?? '')
  const [, traceId = '', parent = '', flags = '01'] = match ?? []
  const valid = match && !/^0+$/.test(traceId) && !/^0+$/.test(parent)
  return {
    traceId: valid ? traceId : randomHex(16),
    spanId: randomHex(8),
    sampled: valid ? (Number.parseInt(flags, 16) & 1) === 1 : true,
  }
}

/** The header that hands a trace on. */
export const toTraceparent = (trace: Trace): string =>
  `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`
