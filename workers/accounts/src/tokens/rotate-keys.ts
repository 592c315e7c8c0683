import { type Env, settingsOf } from '../context.ts'
import { signingKeysOf } from '../deployment.ts'

const DAY_MS = 24 * 3_600_000

/**
 * Sees to the signing keys; for the scheduled handler. ID tokens stay good as hints for as long as their sessions
 * (OpenID Connect RP-Initiated Logout 1.0 §4), so a key is published for that long after it last signed.
 */
export async function rotateIfDue(env: Env): Promise<void> {
  const settings = settingsOf(env)
  await signingKeysOf(env).rotate({
    periodMs: Number(settings.KEY_ROTATION_DAYS) * DAY_MS,
    keptMs: Number(settings.REFRESH_TOKEN_SECONDS) * 1000 + DAY_MS,
  })
}
