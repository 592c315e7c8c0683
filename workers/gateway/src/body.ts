import { AppError } from '@menagerie/core'

/**
 * Reads a body of at most `limit` bytes. What a client says about its length is believed only when it is too much.
 *
 * @throws AppError `payload_too_large`, `unsupported_media_type` for a compressed body
 */
export async function readBody(
  request: Request,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD' || !request.body) return undefined
  const encoding = request.headers.get('content-encoding')
  if (encoding && encoding !== 'identity') {
    throw new AppError('unsupported_media_type', 'Send the body without Content-Encoding')
  }
  const tooLarge = new AppError('payload_too_large', `The body may have at most ${limit} bytes`)
  const length = lengthOf(request)
  if (length > limit) throw tooLarge
  // A length that was told is kept by the framing (RFC 9112 §6.3): the platform gathers it in one piece, without copies.
  if (length > 0) {
    const body = new Uint8Array(await request.arrayBuffer())
    if (body.byteLength > limit) throw tooLarge
    return body
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > limit) throw tooLarge
    chunks.push(chunk)
  }
  const body = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return body
}

/** What is read of a refused body so that its answer arrives. */
const DISCARD_LIMIT_BYTES = 1024 * 1024

/**
 * Reads what nobody has read of a body, and keeps nothing of it. A server that answers and hangs up while a client still
 * sends takes the answer with it, and the client sees a broken connection instead of what was wrong. Only for bodies that
 * say how long they are, up to 1 MiB; the others are cut off.
 */
export async function discardBody(request: Request): Promise<void> {
  if (!request.body || request.bodyUsed) return
  const length = lengthOf(request)
  try {
    if (length === 0 || length > DISCARD_LIMIT_BYTES) await request.body.cancel()
    else await request.body.pipeTo(new WritableStream())
  } catch {
    // The client has gone; there is nobody to answer.
  }
}

const lengthOf = (request: Request): number => Number(request.headers.get('content-length') ?? 0)
