/** What went wrong, in words: `fetch failed` says nothing, its cause does, and for several addresses only its code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  const code = 'code' in cause ? String(cause.code) : ''
  return `${error.message}: ${cause.message || code}`
}
