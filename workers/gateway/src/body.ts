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
  if (Number(request.headers.get('content-length') ?? 0) > limit) {
    await request.body.cancel()
    throw tooLarge
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
