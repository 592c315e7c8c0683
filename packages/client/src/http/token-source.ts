/** Where access tokens come from. */
export interface TokenSource {
  /** The token for the next request; `undefined` sends the request without one. */
  token(): string | undefined | Promise<string | undefined>
  /** Asked once when a request was answered 401; the request is repeated with what it gives. */
  renew?(refused: string): Promise<string | undefined>
}

/** What the options of a client take: a fixed token, a function, or a source that can renew. */
export type TokenInput = string | TokenSource['token'] | TokenSource

/** Makes one kind of thing of the three. */
export function tokenSource(input: TokenInput | undefined): TokenSource {
  if (input === undefined) return { token: () => undefined }
  if (typeof input === 'string') return { token: () => input }
  if (typeof input === 'function') return { token: input }
  return input
}
