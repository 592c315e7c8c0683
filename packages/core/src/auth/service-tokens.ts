import { clockOf } from './settings.ts'

/** What accounts offers the other Workers over its binding: the entrypoint knows its caller from the binding's `props`. */
export interface ServiceTokenMinter {
  mint(audience: string): Promise<{ token: string; expiresAt: number }>
}

/** A token is used until a minute before it ends. */
const SPARE_MS = 60_000

/** Service tokens for other Workers, one for each receiver, minted over the accounts binding and kept while they last. */
export function serviceTokens(
  minter: ServiceTokenMinter,
  now: () => number,
): (audience: string) => Promise<string> {
  const held = new Map<string, { token: string; expiresAt: number }>()
  return async (audience) => {
    const known = held.get(audience)
    if (known && known.expiresAt - SPARE_MS > now()) return known.token
    const { token, expiresAt } = await minter.mint(audience)
    held.set(audience, { token, expiresAt })
    return token
  }
}

const minters = new WeakMap<object, (audience: string) => Promise<string>>()

/** The token that a Worker shows another one of ours; kept per env. */
export function serviceTokenFor(
  env: { SERVICE_TOKENS: ServiceTokenMinter; CLOCK_OFFSET_MS?: string | undefined },
  audience: string,
): Promise<string> {
  const tokenFor = minters.get(env) ?? serviceTokens(env.SERVICE_TOKENS, () => clockOf(env).now())
  minters.set(env, tokenFor)
  return tokenFor(audience)
}
