/** What one log message is to telemetry. `samples` are as they were written: nothing of them is checked yet. */
export type ReadLine =
  | { kind: 'line'; samples: unknown[] }
  /** Somebody else's text. */
  | { kind: 'other' }
  /** Begins like a line of ours and is none: cut off, perhaps. */
  | { kind: 'malformed' }

/**
 * Reads a log message. In production it is `[line]`; `wrangler dev` with several Workers puts a label first, so the
 * last element counts.
 */
export function readLine(message: unknown): ReadLine {
  const text = Array.isArray(message) ? message.at(-1) : message
  if (typeof text !== 'string' || !text.startsWith('{')) return { kind: 'other' }
  let line: Record<string, unknown>
  try {
    line = JSON.parse(text)
  } catch {
    return { kind: 'malformed' }
  }
  if (typeof line.service !== 'string') return { kind: 'other' }
  const riding = Array.isArray(line.metrics) ? line.metrics : []
  return { kind: 'line', samples: [...requestSamples(line), ...riding] }
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** A request line counts one request and one duration. A client may send any method: unknown ones are `other`. */
function requestSamples(line: Record<string, unknown>): unknown[] {
  const { service, route, status, durationMs } = line
  if (line.message !== 'request' || route === undefined || status === undefined) return []
  const method = methods.has(String(line.method)) ? line.method : 'other'
  const known = Number.isInteger(status) && Number(status) >= 100 && Number(status) <= 599
  return [
    {
      name: 'http_requests_total',
      labels: { service, route, method, status: known ? String(status) : 'other' },
      value: 1,
    },
    {
      name: 'http_request_duration_seconds',
      labels: { service, route, method },
      value: typeof durationMs === 'number' ? durationMs / 1000 : undefined,
    },
  ]
}
