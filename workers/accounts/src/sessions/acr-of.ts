import type { AuthenticationMethod } from '@menagerie/contracts'

/**
 * The authentication context of a sign-in: "2" where two kinds of factor were shown (NIST SP 800-63B-4 §2.2), what one
 * knows and what one has, or a passkey, which is both. Two codes by phone and e-mail are one kind.
 */
export function acrOf(methods: readonly AuthenticationMethod[]): '1' | '2' {
  if (methods.includes('hwk')) return '2'
  return methods.includes('pwd') && methods.some((method) => method !== 'pwd') ? '2' : '1'
}
