/** Crockford's base 32: no letter that is taken for a digit or another letter. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const GROUPS = 4
const GROUP_CHARACTERS = 5

/** A new code of 100 random bits, such as `7K2QM-9XB4T-0ZRWD-HE6NV`. */
export function newClaimCode(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(GROUPS * GROUP_CHARACTERS))
  // 256 is a multiple of 32: each character is as likely as any other.
  const text = Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('')
  return Array.from({ length: GROUPS }, (_, group) =>
    text.slice(group * GROUP_CHARACTERS, (group + 1) * GROUP_CHARACTERS),
  ).join('-')
}

/** A code as people type it, made one with how it was shown: in either case, with any groups, `O` for 0, `I` or `L` for 1. */
export const readClaimCode = (typed: string): string =>
  typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
