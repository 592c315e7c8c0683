import { type Env, settingsOf } from '../../context.ts'

/** Who passkeys are for: the host of `PUBLIC_URL`, at its origin alone (WebAuthn §13.4.9). */
export function relyingParty(env: Env): { id: string; origin: string; name: string } {
  const { hostname, origin } = new URL(settingsOf(env).PUBLIC_URL)
  return { id: hostname, origin, name: 'Menagerie' }
}

/** How long somebody may look for their key. */
export const CEREMONY_MS = 5 * 60_000
