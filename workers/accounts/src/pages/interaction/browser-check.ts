import { err, ok, type Result } from '@menagerie/core'

/** What a browser tells about the page a form was sent from. */
export interface FormHeaders {
  contentType: string | undefined
  origin: string | undefined
  /** Fetch Metadata §2.1. */
  fetchSite: string | undefined
}

/**
 * Whether a form may have been sent by a page of ours. Pages with `Referrer-Policy: no-referrer` send `Origin: null`
 * (Fetch §3.1), which any page can; `Sec-Fetch-Site`, which no page can set, must vouch for those. Who sends neither is no
 * browser of today, and still has to bring the form's token.
 */
export function sentByOurPage(headers: FormHeaders, ownOrigin: string): Result<void, string> {
  const { contentType = '', origin, fetchSite } = headers
  // What other pages can send without a preflight, such as text/plain, is no form of ours.
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType)) return err('content type')
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return err(`sent ${fetchSite}`)
  if (origin === undefined || origin === ownOrigin) return ok(undefined)
  return origin === 'null' && fetchSite === 'same-origin' ? ok(undefined) : err('origin')
}
