/** What a provider made of one attempt. `status` is its HTTP status, `null` where there was no answer. */
export type ProviderAnswer =
  | { outcome: 'sent'; providerId: string | null; status: number }
  /** It will never take it. */
  | { outcome: 'failed'; reason: string; status: number | null }
  /** Nobody is to be asked: there is no address, or it is too late. */
  | { outcome: 'skipped'; reason: string; status: null }
  /** The same request may succeed later; the provider may say when. */
  | { outcome: 'retrying'; reason: string; status: number | null; retryAfterSeconds?: number }
