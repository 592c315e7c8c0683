/**
 * The policy of a page: it loads our own files alone, and nothing may frame it (S40).
 *
 * @param targets addresses a form's answer may lead to. Browsers hold `form-action` against every redirect that follows a
 * POST, so an app that is to get its code back must stand here (CSP Level 3 §6.4.1).
 */
export const pagePolicy = (targets: readonly (string | undefined)[] = []): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    ['form-action', "'self'", ...new Set(targets.flatMap(sourceOf))].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

/** Every header of a page. The policy is the page's own, so core's for JSON is not added. */
export const pageHeaders = (
  targets: readonly (string | undefined)[] = [],
): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pagePolicy(targets),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'cross-origin-opener-policy': 'same-origin',
})

/** A source of the policy's grammar: an origin, or the bare scheme where an app has one of its own. */
function sourceOf(address: string | undefined): string[] {
  if (address === undefined || !URL.canParse(address)) return []
  const { protocol, origin, hostname } = new URL(address)
  if (protocol !== 'https:' && protocol !== 'http:') return [protocol]
  // The grammar has no addresses in brackets.
  return [hostname.startsWith('[') ? protocol : origin]
}
