/** The beginning of a body, at most `maxBytes`; the rest is not read. */
export async function readLimited(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let left = maxBytes
  while (left > 0) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    const part = value.subarray(0, left)
    left -= part.byteLength
    text += decoder.decode(part, { stream: true })
  }
  await reader.cancel()
  return text
}
