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

/**
 * What a page says other than every answer does: core adds the rest. An app may have opened it in a window of its own and
 * wait for the answer there, so it stays the window that the app opened.
 */
export const pageHeaders = (
  targets: readonly (string | undefined)[] = [],
): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pagePolicy(targets),
  'cross-origin-opener-policy': 'unsafe-none',
})

/** A source of the policy's grammar: an origin, or the bare scheme where an app has one of its own. */
function sourceOf(address: string | undefined): string[] {
  if (address === undefined || !URL.canParse(address)) return []
  const { protocol, origin, hostname } = new URL(address)
  if (protocol !== 'https:' && protocol !== 'http:') return [protocol]
  // The grammar has no addresses in brackets.
  return [hostname.startsWith('[') ? protocol : origin]
}
