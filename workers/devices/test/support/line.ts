import { eventually } from './api.ts'

export interface Frame {
  type: string
  seq?: number
  id?: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members a frame has
  data: any
}

/** A socket and what came over it; `batch` frames unpacked. */
export class Line {
  readonly frames: Frame[] = []
  closedWith: number | undefined
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(...(frame.type === 'batch' ? (frame.data.events ?? []) : [frame]))
    })
    socket.addEventListener('close', ({ code }) => {
      this.closedWith = code
    })
    socket.accept()
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame))
  }

  close(): void {
    this.#socket.close(1000)
  }

  async until(matches: (frame: Frame) => boolean): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find(matches)
      if (found === undefined) throw new Error('not yet')
      return found
    })
  }
}

/** The line of an upgrade that was answered with 101. */
export function lineOf(response: Response): Line {
  if (response.webSocket === null) throw new Error(`no socket but ${response.status}`)
  return new Line(response.webSocket)
}
