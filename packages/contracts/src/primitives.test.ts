import { describe, expect, it } from 'vitest'
import {
  errorCodes,
  LoginRequest,
  Password,
  PhoneNumber,
  RegisterRequest,
  StartCallRequest,
  Timestamp,
  TimeZone,
} from './index.ts'

const valid = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success

describe('primitives (contract §1)', () => {
  it('takes E.164 numbers and nothing else', () => {
    expect(valid(PhoneNumber, '+12025550101')).toBe(true)
    for (const bad of [
      '12025550101',
      '+02025550101',
      '+1202555010a',
      '+1 202',
      '+1202555010112345678',
      '',
      12,
    ]) {
      expect(valid(PhoneNumber, bad)).toBe(false)
    }
  })

  it('takes UTC times with Z only', () => {
    expect(valid(Timestamp, '2026-11-21T10:00:00Z')).toBe(true)
    expect(valid(Timestamp, '2026-11-21T10:00:00+01:00')).toBe(false)
    expect(valid(Timestamp, '2026-13-21T10:00:00Z')).toBe(false)
  })

  it('takes IANA zones only', () => {
    expect(valid(TimeZone, 'Asia/Kathmandu')).toBe(true)
    expect(valid(TimeZone, 'Mars/Olympus')).toBe(false)
    expect(valid(TimeZone, '+01:00')).toBe(false)
  })

  it('refuses a password that bcrypt would cut at 72 bytes', () => {
    expect(valid(Password, 'x'.repeat(72))).toBe(true)
    expect(valid(Password, 'x'.repeat(73))).toBe(false)
    expect(valid(Password, '😀'.repeat(19))).toBe(false)
    expect(valid(Password, 'short')).toBe(false)
  })

  it('asks for exactly one name of a user', () => {
    const password = 'correct horse'
    expect(valid(LoginRequest, { username: 'a', password })).toBe(true)
    expect(valid(LoginRequest, { password })).toBe(false)
    expect(valid(LoginRequest, { username: 'a', email: 'a@example.com', password })).toBe(false)
    expect(
      valid(RegisterRequest, { phoneNumber: '+12025550101', email: 'a@example.com', password }),
    ).toBe(false)
  })

  it('rings 30 seconds unless told otherwise, and between 1 and 600', () => {
    expect(StartCallRequest.parse({ to: '+12025550101' }).ringTimeoutSeconds).toBe(30)
    for (const ringTimeoutSeconds of [0, 601, 1.5, '30']) {
      expect(valid(StartCallRequest, { to: '+12025550101', ringTimeoutSeconds })).toBe(false)
    }
  })

  it('refuses unknown fields, also those that name an object’s prototype', () => {
    expect(valid(StartCallRequest, { to: '+12025550101', extra: 1 })).toBe(false)
    expect(
      valid(StartCallRequest, JSON.parse('{"to":"+12025550101","__proto__":{"admin":true}}')),
    ).toBe(false)
  })

  it('gives every error code a status of 4xx or 5xx', () => {
    for (const { status } of Object.values(errorCodes)) expect(status).toBeGreaterThanOrEqual(400)
  })
})
