const KEPT_MS = 24 * 60 * 60 * 1000

/** Takes an `Idempotency-Key` for a body for 24 hours; false where another body has it. Of two at once the first wins. */
export async function claimKey(
  db: D1Database,
  id: string,
  bodyHash: string,
  now: number,
): Promise<boolean> {
  const [, , kept] = await db.batch<{ body_hash: string }>([
    db.prepare('DELETE FROM message_keys WHERE expires_at <= ?').bind(now),
    db
      .prepare(
        `INSERT INTO message_keys (id, body_hash, expires_at) VALUES (?, ?, ?)
         ON CONFLICT (id) DO NOTHING`,
      )
      .bind(id, bodyHash, now + KEPT_MS),
    db.prepare('SELECT body_hash FROM message_keys WHERE id = ?').bind(id),
  ])
  return kept?.results[0]?.body_hash === bodyHash
}
