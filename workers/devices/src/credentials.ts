import type { CredentialInfo, DeviceCredentials } from '@menagerie/contracts'
import { AppError, clockOf, newId, randomToken, sha256Hex, toTimestamp } from '@menagerie/core'
import type { CredentialChange, Ended, Issued } from '@menagerie/durable-objects/bridge-link'
import { usernamesOf } from './broker/usernames.ts'
import { type Env, settingsOf } from './context.ts'
import { forgetAllLogins, forgetLogins, type Login, loginsOf, putLogin } from './db/credentials.ts'
import { claimKey, finishKey, releaseKey } from './db/idempotency-keys.ts'
import { inTurn } from './in-turn.ts'
import { idempotencyMismatch, linkOf } from './twins.ts'

const RETRY_AFTER_SECONDS = 5

/** What a new password is asked with. */
export interface Wanted {
  deviceId: string
  /** How long earlier ones stay good. */
  overlapSeconds: number
  /** What stands for the caller's idempotency key. */
  keyId: string | undefined
  /** Throws unless the caller may still have it when its turn comes: the device may be gone by then. */
  check(): Promise<void>
  /** The broker has ended the device's connections. */
  cutOff(): Promise<void>
}

/**
 * Gives a device a new password, 32 random bytes as base64url. Without an overlap it is that of the first user name, and
 * all others end; with one it goes to the user name that the newest password does not have.
 *
 * The order is: take the key, tell the link, then write hash and key in one batch, then answer. Our rows say what was
 * shown, so they must never be ahead of the link: the other way round, a crash between would leave a password on record
 * that no broker will ever take and whose repeat we refuse too. This way round it leaves one in the link or the broker
 * that nobody saw, and a repeat, which the key lets through once it has expired, replaces it. What the link has taken it
 * brings to the broker whatever crashes; where no bridge comes for 24 hours it drops the password, and says so. One at a
 * time for each device: else the link could keep one password and our rows another.
 *
 * @throws AppError `secret_already_shown`, `idempotency_in_progress`, `idempotency_mismatch`, `unavailable`
 */
export async function issueCredentials(env: Env, wanted: Wanted): Promise<DeviceCredentials> {
  const { DB: db } = env
  const { deviceId, keyId } = wanted
  const now = clockOf(env).now()
  const claim = keyId === undefined ? undefined : await takeKey(db, keyId, wanted, now)
  const finished =
    keyId === undefined || claim === undefined ? [] : [finishKey(db, keyId, claim, now)]
  try {
    return await inTurn(env, deviceId, () => issueNow(env, wanted, finished))
  } catch (error) {
    // Nothing was shown: the same request may come again at once.
    if (keyId !== undefined && claim !== undefined)
      await releaseKey(db, keyId, claim).catch(() => undefined)
    throw error
  }
}

async function issueNow(
  env: Env,
  { deviceId, overlapSeconds, check, cutOff }: Wanted,
  finished: D1PreparedStatement[],
): Promise<DeviceCredentials> {
  const { DB: db } = env
  await check()
  const now = clockOf(env).now()
  const logins = await loginsOf(db, deviceId, now)
  const newest = logins.findLast(({ expiresAt }) => expiresAt === null)
  const overlap = overlapSeconds > 0 && newest !== undefined
  const [first, second] = usernamesOf(deviceId)
  const username = overlap && newest.username === first ? second : first
  const login: Login = { username, deviceId, id: newId(), createdAt: now, expiresAt: null }
  const password = randomToken(32)
  const endsAt = overlap ? now + overlapSeconds * 1000 : undefined
  const others = logins
    .filter((other) => other.username !== username)
    .map((other) => ({ username: other.username, endsAt: endsAt ?? now }))
  const state = await tellLink(env, { deviceId, username, password, others })
  await db.batch([...putLogin(db, login, await sha256Hex(password), endsAt), ...finished])
  // A broker that is told cuts whoever was there with the old ones; one that asks lets them stay.
  if (tells(env) && state === 'active' && logins.length > 0 && !overlap) await cutOff()
  const createdAt = toTimestamp(now)
  return { id: login.id, username, password, clientId: deviceId, state, createdAt }
}

/** A device's credentials as they stand; what was dropped, since no bridge fetched it in time, is forgotten here. */
export async function listCredentials(env: Env, deviceId: string): Promise<CredentialInfo[]> {
  const logins = await loginsOf(env.DB, deviceId, clockOf(env).now())
  const states = tells(env) ? await linkOf(env, 'default').credentialStates(deviceId) : {}
  const dropped = logins.filter(({ username }) => states[username] === 'dropped')
  const ids = dropped.map(({ id }) => id)
  if (ids.length > 0) await forgetLogins(env.DB, deviceId, ids).run()
  return logins
    .filter((login) => !dropped.includes(login))
    .map(({ id, username, createdAt, expiresAt }) => ({
      id,
      username,
      state: stateOf(expiresAt, states[username] === 'waiting'),
      createdAt: toTimestamp(createdAt),
      expiresAt: expiresAt === null ? null : toTimestamp(expiresAt),
    }))
}

/**
 * Ends all of a device's credentials and its connections; what waits for a bridge is dropped. The broker first: a crash
 * between leaves rows without access, which a repeat takes away, and never access without rows. To be called in the
 * device's turn.
 *
 * @returns `waiting` while no bridge is there: the broker is told as soon as one is
 */
export async function revokeCredentials(env: Env, deviceId: string): Promise<Ended> {
  const usernames = usernamesOf(deviceId)
  const state = tells(env)
    ? await linkOf(env, 'default').endCredentials(deviceId, usernames)
    : 'done'
  await forgetAllLogins(env.DB, deviceId).run()
  return state
}

function stateOf(expiresAt: number | null, waits: boolean): CredentialInfo['state'] {
  if (waits) return 'waiting'
  return expiresAt === null ? 'active' : 'ending'
}

const tells = (env: Env): boolean => settingsOf(env).BROKER_ACCESS === 'tell'

async function takeKey(
  db: D1Database,
  keyId: string,
  { deviceId, overlapSeconds }: Wanted,
  now: number,
): Promise<string> {
  // Another overlap is another request, as another device is.
  const asked = overlapSeconds === 0 ? deviceId : `${deviceId} ${overlapSeconds}`
  const taken = await claimKey(db, keyId, asked, 'running', newId(), now)
  switch (taken.state) {
    case 'ours':
      return taken.claim
    case 'running':
      throw new AppError('idempotency_in_progress', 'The first request has not ended yet', taken)
    case 'done':
      throw new AppError(
        'secret_already_shown',
        'The password was shown to the first request and is kept nowhere; ask for a new one with another key',
      )
    case 'mismatch':
      throw idempotencyMismatch()
  }
}

/** A broker that asks us knows no more than our rows. */
async function tellLink(env: Env, change: CredentialChange): Promise<Issued> {
  if (!tells(env)) return 'active'
  const told = await linkOf(env, 'default').issueCredentials(change)
  if (told.ok) return told.value
  throw new AppError('unavailable', told.error.detail, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
