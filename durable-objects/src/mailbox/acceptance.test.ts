import { describe, expect, test } from 'vitest'
import { accept } from './acceptance.ts'
import { mailboxOf, ownerOf } from './mailbox-name.ts'

const now = Date.parse('2026-11-21T10:00:00.000Z')
const userId = '019aa5b8-7c00-7000-8000-000000000002'
const request = { recipient: { userId }, category: 'news', content: { title: 'a', body: 'b' } }

describe('what is decided about a request', () => {
  test('says when and where it goes, and why', () => {
    expect(accept(request, now)).toEqual({
      channels: ['email', 'in-app'],
      sendAt: now,
      expiresAt: null,
      decisions: ['Goes now', 'Goes by email and in-app, chosen because the recipient is a user'],
    })
    const later = '2026-11-21T11:00:00.000Z'
    const full = {
      ...request,
      channels: ['email', 'email'] as 'email'[],
      sendAt: later,
      expiresAt: '2026-11-22T00:00:00.000Z',
      critical: true,
    }
    expect(accept(full, now)).toEqual({
      channels: ['email'],
      sendAt: Date.parse(later),
      expiresAt: Date.parse(full.expiresAt),
      decisions: [
        `Waits until ${later}`,
        'Goes by email, as asked',
        'Is not sent after 2026-11-22T00:00:00.000Z',
        'Is critical: nothing holds it back',
      ],
    })
  })
})

describe('a mailbox', () => {
  test('has one name for one recipient', () => {
    expect(mailboxOf({ email: 'Ada@Example.com' })).toBe(mailboxOf({ email: 'ada@example.com' }))
    expect(mailboxOf({ phoneNumber: '+12025550101' })).toBe('phone:+12025550101')
    expect(ownerOf(mailboxOf({ userId: userId.toUpperCase() }))).toBe(userId)
    expect(ownerOf('email:user:x@example.com')).toBeNull()
  })
})
