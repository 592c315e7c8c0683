const KEPT_MS = 24 * 60 * 60 * 1000

export type KeyUse = 'new' | 'same' | 'other'

/** How the key of that id was used in the last 24 hours. */
export async function keyUse(
  db: D1Database,
  id: string,
  bodyHash: string,
  now: number,
): Promise<KeyUse> {
  const row = await db
    .prepare('SELECT body_hash FROM idempotency_keys WHERE id = ? AND expires_at > ?')
    .bind(id, now)
    .first<{ body_hash: string }>()
  if (row === null) return 'new'
  return row.body_hash === bodyHash ? 'same' : 'other'
}

/** Takes the key for a body. Of two requests at once the first has it; returns whether it stands for this body. */
export async function claimKey(
  db: D1Database,
  id: string,
  bodyHash: string,
  now: number,
): Promise<KeyUse> {
  await db.batch([
    db.prepare('DELETE FROM idempotency_keys WHERE expires_at <= ?').bind(now),
    db
      .prepare(
        `INSERT INTO idempotency_keys (id, body_hash, expires_at) VALUES (?, ?, ?)
         ON CONFLICT (id) DO NOTHING`,
      )
      .bind(id, bodyHash, now + KEPT_MS),
  ])
  return keyUse(db, id, bodyHash, now)
}
