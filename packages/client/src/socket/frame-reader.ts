import { ServerFrame, WelcomeData } from '@menagerie/contracts'

/** A frame of the server, sorted by what the client does with it. */
export type Read =
  | { kind: 'welcome'; data: WelcomeData }
  | { kind: 'ack'; id: string; seq: number | undefined }
  | { kind: 'refusal'; id: string; code: string; detail: string }
  | { kind: 'event'; frame: ServerFrame & { seq: number } }
  | { kind: 'transient'; frame: ServerFrame }

/**
 * Reads one text message; a `batch` becomes the frames in it. What is no frame is left out: where it carried an
 * event, the next one shows the gap.
 */
export function readFrames(text: string): Read[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return []
  }
  const parsed = ServerFrame.safeParse(json)
  if (!parsed.success) return []
  if (parsed.data.type !== 'batch') return sort(parsed.data)
  const events = (parsed.data.data as { events?: unknown } | null)?.events
  return (Array.isArray(events) ? events : []).flatMap((event) => {
    const frame = ServerFrame.safeParse(event)
    return frame.success ? sort(frame.data) : []
  })
}

function sort(frame: ServerFrame): Read[] {
  if (frame.seq !== undefined) return [{ kind: 'event', frame: { ...frame, seq: frame.seq } }]
  const data = (frame.data ?? {}) as Record<string, unknown>
  switch (frame.type) {
    case 'welcome': {
      const welcome = WelcomeData.safeParse(data)
      return welcome.success ? [{ kind: 'welcome', data: welcome.data }] : []
    }
    case 'ack': {
      const { id, seq } = data
      if (typeof id !== 'string') return []
      return [{ kind: 'ack', id, seq: typeof seq === 'number' ? seq : undefined }]
    }
    case 'error': {
      const { id, code, detail } = data
      if (typeof id !== 'string') return [{ kind: 'transient', frame }]
      return [{ kind: 'refusal', id, code: String(code), detail: String(detail) }]
    }
    default:
      return [{ kind: 'transient', frame }]
  }
}
