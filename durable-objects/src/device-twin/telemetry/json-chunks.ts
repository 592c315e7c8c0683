/** An object binds no value of more than 2 MB, and what a batch of 1 MB says may be several times as long as rows. */
const MAX_CHUNK_BYTES = 1024 * 1024

/** Rows as JSON arrays, as few as hold them: one, unless there are thousands of rows. */
export function jsonChunks(rows: readonly unknown[]): string[] {
  const text = JSON.stringify(rows)
  // No character has more than three bytes.
  const fits = text.length * 3 <= MAX_CHUNK_BYTES || Buffer.byteLength(text) <= MAX_CHUNK_BYTES
  if (fits || rows.length <= 1) return [text]
  const half = Math.ceil(rows.length / 2)
  return [...jsonChunks(rows.slice(0, half)), ...jsonChunks(rows.slice(half))]
}
