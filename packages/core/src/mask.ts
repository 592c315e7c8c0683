/** Keys, compared without case, `-` and `_`, whose values never reach a log. */
const secretKeys = new Set([
  'password',
  'passwordhash',
  'secret',
  'clientsecret',
  'totpsecret',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'mfatoken',
  'invitationtoken',
  'scrapetoken',
  'authtoken',
  'ticket',
  'authorization',
  'cookie',
  'setcookie',
  'signature',
  'xtwiliosignature',
  'apikey',
  'privatekey',
  'code',
  'otp',
  'recoverycodes',
  'secwebsocketprotocol',
])

const personalKeys = new Set([
  'phonenumber',
  'phone',
  'number',
  'email',
  'emailaddress',
  'username',
  'preferredusername',
  'displayname',
  'to',
  'from',
  'caller',
  'called',
  'address',
  'body',
])

const normalise = (key: string) => key.toLowerCase().replaceAll(/[-_]/g, '')
const MAX_DEPTH = 16

/**
 * A copy with secrets and personal data replaced by `[masked]`, by key, at any depth. Errors become their name,
 * message, stack and cause; cycles and what is nested deeper than 16 become a mark.
 */
export function mask(value: unknown): unknown {
  return walk(value, 0, new Set())
}

function walk(value: unknown, depth: number, seen: Set<object>): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Error)
    return {
      name: value.name,
      message: value.message,
      stack: value.stack,
      ...(value.cause === undefined ? {} : { cause: walk(value.cause, depth + 1, seen) }),
    }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (depth >= MAX_DEPTH) return '[too deep]'
  if (seen.has(value)) return '[cycle]'
  seen.add(value)
  const copy = Array.isArray(value)
    ? value.map((item) => walk(item, depth + 1, seen))
    : maskMembers(value as Record<string, unknown>, depth, seen)
  seen.delete(value)
  return copy
}

function maskMembers(value: Record<string, unknown>, depth: number, seen: Set<object>): object {
  // Without a prototype, so that a key named __proto__ is a key.
  const copy: Record<string, unknown> = Object.create(null)
  for (const key of Object.keys(value)) {
    const item = value[key]
    copy[key] =
      item !== null && item !== undefined && isSensitive(key)
        ? '[masked]'
        : walk(item, depth + 1, seen)
  }
  return copy
}

/** What was found out of keys; the same few come in every line. */
const known = new Map<string, boolean>()
const KNOWN_LIMIT = 1_000

function isSensitive(key: string): boolean {
  const found = known.get(key)
  if (found !== undefined) return found
  const name = normalise(key)
  const sensitive =
    secretKeys.has(name) ||
    personalKeys.has(name) ||
    name.endsWith('secret') ||
    name.endsWith('password')
  if (known.size < KNOWN_LIMIT) known.set(key, sensitive)
  return sensitive
}
