/** What a device signs in to the broker with. Times are milliseconds. */
export interface Login {
  username: string
  deviceId: string
  id: string
  createdAt: number
  /** From when on it is refused; `null` while nothing ends it. */
  expiresAt: number | null
}

interface LoginRow {
  username: string
  device_id: string
  id: string
  created_at: number
  expires_at: number | null
}

/** The SHA-256 (hex) of a user name's password; `undefined` when it has none now. */
export async function secretHashOf(
  db: D1Database,
  username: string,
  now: number,
): Promise<string | undefined> {
  const row = await db
    .prepare(
      `SELECT secret_hash FROM broker_logins
       WHERE username = ? AND (expires_at IS NULL OR expires_at > ?)`,
    )
    .bind(username, now)
    .first<{ secret_hash: string }>()
  return row?.secret_hash
}

/** Whether one of the devices has ever been given a password that was not revoked. */
export async function haveLogins(db: D1Database, deviceIds: readonly string[]): Promise<boolean> {
  if (deviceIds.length === 0) return false
  // One JSON parameter: D1 binds at most 100.
  const row = await db
    .prepare(
      'SELECT 1 FROM broker_logins WHERE device_id IN (SELECT value FROM json_each(?)) LIMIT 1',
    )
    .bind(JSON.stringify(deviceIds))
    .first()
  return row !== null
}

/** Those of a device that are good now, the oldest first. */
export async function loginsOf(db: D1Database, deviceId: string, now: number): Promise<Login[]> {
  const { results } = await db
    .prepare(
      `SELECT username, device_id, id, created_at, expires_at FROM broker_logins
       WHERE device_id = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY created_at, username`,
    )
    .bind(deviceId, now)
    .all<LoginRow>()
  return results.map((row) => ({
    username: row.username,
    deviceId: row.device_id,
    id: row.id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }))
}

/**
 * The statements that make a login the device's newest: every other one ends, at once or when it is told, and no later
 * than it would have.
 *
 * @param othersEndAt `undefined` for at once
 */
export const putLogin = (
  db: D1Database,
  login: Login,
  hash: string,
  othersEndAt: number | undefined,
): D1PreparedStatement[] => [
  othersEndAt === undefined
    ? db
        .prepare('DELETE FROM broker_logins WHERE device_id = ? AND username <> ?')
        .bind(login.deviceId, login.username)
    : db
        .prepare(
          `UPDATE broker_logins SET expires_at = min(coalesce(expires_at, ?1), ?1)
           WHERE device_id = ?2 AND username <> ?3`,
        )
        .bind(othersEndAt, login.deviceId, login.username),
  db
    .prepare(
      `INSERT OR REPLACE INTO broker_logins (username, device_id, id, secret_hash, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, NULL)`,
    )
    .bind(login.username, login.deviceId, login.id, hash, login.createdAt),
]

/** By their ids: a user name may have got another password meanwhile. */
export const forgetLogins = (
  db: D1Database,
  deviceId: string,
  ids: readonly string[],
): D1PreparedStatement =>
  db
    .prepare(
      'DELETE FROM broker_logins WHERE device_id = ? AND id IN (SELECT value FROM json_each(?))',
    )
    .bind(deviceId, JSON.stringify(ids))

export const forgetAllLogins = (db: D1Database, deviceId: string): D1PreparedStatement =>
  db.prepare('DELETE FROM broker_logins WHERE device_id = ?').bind(deviceId)
