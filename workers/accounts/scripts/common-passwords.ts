/**
 * Writes src/credentials/passwords/common-passwords.ts from a public list of passwords, one a line, the most frequent
 * first. Run by hand when there is a better list: `node scripts/common-passwords.ts list.txt`.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The most frequent that are long enough to be tried at all … */
const MOST_FREQUENT = 20_000
const SHORTEST = 8
/** … and all that an account without a second factor could have. */
const LONG = 15
const BITS = 2 ** 20

const [list = ''] = process.argv.slice(2)
const words = readFileSync(list, 'utf8')
  .split('\n')
  .map((line) => line.trim().toLowerCase())
  .filter((word) => word.length >= SHORTEST)
const chosen = new Set([
  ...words.slice(0, MOST_FREQUENT),
  ...words.filter((word) => word.length >= LONG),
])
const filter = new Uint8Array(BITS / 8)
for (const word of chosen) {
  const digest = createHash('sha256').update(word).digest()
  for (let at = 0; at < 32; at += 4) {
    const bit = digest.readUInt32BE(at) % BITS
    filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7))
  }
}
writeFileSync(
  join(import.meta.dirname, '../src/credentials/passwords/common-passwords.ts'),
  `/**
 * ${chosen.size} common passwords as a Bloom filter of ${BITS} bits: SHA-256 of the lower-case password, each of its
 * eight 32-bit words modulo the size. Made by scripts/common-passwords.ts.
 */
export const commonPasswords =
  '${Buffer.from(filter).toString('base64')}'
`,
)
process.stdout.write(`${chosen.size} passwords\n`)
