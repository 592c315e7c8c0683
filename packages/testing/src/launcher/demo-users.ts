import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface DemoUser {
  role: string
  /** A phone number (E.164) or an e-mail address. */
  username: string
  password: string
  displayName: string
  /** Of an authenticator app (base32), for what asks for a second factor; the demo's sign-in does not. */
  totpSecret?: string
}

const PEOPLE = [
  { role: 'user', username: '+12025550111', displayName: 'Uma User' },
  { role: 'agent', username: '+12025550112', displayName: 'Aaron Agent' },
  { role: 'supervisor', username: '+12025550113', displayName: 'Sue Supervisor' },
  { role: 'admin', username: 'admin@menagerie.example', displayName: 'Ada Admin' },
] as const

/**
 * One user per built-in human role, with random passwords that stay the same for one data folder: the database only
 * knows their hashes, and the first screen must still show them at the tenth start.
 */
export function ensureDemoUsers(dataDir: string): DemoUser[] {
  const path = join(dataDir, 'demo-users.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'))
  const users = PEOPLE.map((person) => ({
    ...person,
    password: randomBytes(15).toString('base64url'),
    ...(person.role === 'admin' ? { totpSecret: base32(randomBytes(20)) } : {}),
  }))
  writeFileSync(path, `${JSON.stringify(users, null, 2)}\n`, { mode: 0o600 })
  return users
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Without padding (RFC 4648 §6). @param bytes a multiple of five */
function base32(bytes: Uint8Array): string {
  let bits = 0n
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte)
  const length = (bytes.length * 8) / 5
  return Array.from({ length }, (_, place) => {
    const shift = BigInt((length - 1 - place) * 5)
    return alphabet[Number((bits >> shift) & 31n)]
  }).join('')
}
