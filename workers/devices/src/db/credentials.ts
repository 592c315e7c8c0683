/** The SHA-256 (hex) of a device's password; `undefined` when it has none. */
export async function secretHashOf(db: D1Database, deviceId: string): Promise<string | undefined> {
  const row = await db
    .prepare('SELECT secret_hash FROM device_credentials WHERE device_id = ?')
    .bind(deviceId)
    .first<{ secret_hash: string }>()
  return row?.secret_hash
}

/** The statement that makes a password the device's one. @param now milliseconds */
export const putCredentials = (db: D1Database, deviceId: string, hash: string, now: number) =>
  db
    .prepare(
      `INSERT INTO device_credentials (device_id, secret_hash, created_at) VALUES (?, ?, ?)
       ON CONFLICT (device_id) DO UPDATE SET secret_hash = excluded.secret_hash, created_at = excluded.created_at`,
    )
    .bind(deviceId, hash, now)
