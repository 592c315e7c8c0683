export { seal, unseal } from '@menagerie/core/sealing'

/** What `KEY_ENCRYPTION_KEY` seals; each has a key of its own, and its row's id as owner. */
export const purposes = {
  /** Private members of signing keys; the owner is the `kid`. */
  signingKeys: 'menagerie signing keys',
  /** Secrets of authenticator apps; the owner is the account's id. */
  totp: 'menagerie totp secrets',
} as const
