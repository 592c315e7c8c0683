import { z } from '@hono/zod-openapi'
import { Permission, Role } from './permissions.ts'
import {
  EmailAddress,
  Id,
  Locale,
  PageQuery,
  PhoneNumber,
  Timestamp,
  TimeZone,
} from './primitives.ts'

/** bcrypt reads 72 bytes; what is longer is refused, so that no two passwords are one. */
export const Password = z
  .string()
  .min(8, 'must have at least 8 characters')
  .refine((value) => new TextEncoder().encode(value).length <= 72, 'must have at most 72 bytes')
export type Password = z.infer<typeof Password>

const exactlyOneOf =
  (...names: string[]) =>
  (value: object) =>
    names.filter((name) => (value as Record<string, unknown>)[name] !== undefined).length === 1

export const LoginRequest = z
  .strictObject({
    username: z.string().min(1).max(254).optional(),
    phoneNumber: PhoneNumber.optional(),
    email: EmailAddress.optional(),
    password: z.string().min(1).max(1024),
    clientId: z.string().min(1).max(64).optional(),
    deviceName: z.string().min(1).max(128).optional(),
  })
  .refine(
    exactlyOneOf('username', 'phoneNumber', 'email'),
    'give exactly one of username, phoneNumber and email',
  )
  .openapi('LoginRequest')
export type LoginRequest = z.infer<typeof LoginRequest>

export const RegisterRequest = z
  .strictObject({
    phoneNumber: PhoneNumber.optional(),
    email: EmailAddress.optional(),
    password: Password,
    displayName: z.string().trim().min(1).max(128).optional(),
    locale: Locale.optional(),
    timeZone: TimeZone.optional(),
    invitationToken: z.string().min(1).max(256).optional(),
  })
  .refine(exactlyOneOf('phoneNumber', 'email'), 'give exactly one of phoneNumber and email')
  .openapi('RegisterRequest')
export type RegisterRequest = z.infer<typeof RegisterRequest>

export const Registration = z
  .strictObject({
    id: Id,
    status: z.literal('pending'),
    verification: z.strictObject({ channel: z.enum(['sms', 'email']), expiresAt: Timestamp }),
  })
  .openapi('Registration')
export type Registration = z.infer<typeof Registration>

export const RefreshRequest = z
  .strictObject({ refresh_token: z.string().min(1).max(4096) })
  .openapi('RefreshRequest')
export type RefreshRequest = z.infer<typeof RefreshRequest>

export const LogoutRequest = z
  .strictObject({ refresh_token: z.string().min(1).max(4096).optional() })
  .openapi('LogoutRequest')
export type LogoutRequest = z.infer<typeof LogoutRequest>

/** `pending` until the phone number or the address is verified. */
export const UserStatus = z.enum(['pending', 'active', 'disabled'])
export type UserStatus = z.infer<typeof UserStatus>

const userFields = {
  id: Id,
  username: z.string(),
  phoneNumber: PhoneNumber.nullable(),
  phoneNumberVerified: z.boolean(),
  email: EmailAddress.nullable(),
  emailVerified: z.boolean(),
  displayName: z.string().nullable(),
  roles: z.array(Role),
  locale: Locale.nullable(),
  timeZone: TimeZone.nullable(),
  createdAt: Timestamp,
}

export const Profile = z
  .strictObject({
    ...userFields,
    permissions: z.array(Permission),
    mfa: z.strictObject({ enabled: z.boolean(), methods: z.array(z.string()) }),
  })
  .openapi('Profile')
export type Profile = z.infer<typeof Profile>

export const User = z.strictObject({ ...userFields, status: UserStatus }).openapi('User')
export type User = z.infer<typeof User>

export const UserListQuery = PageQuery.extend({
  /** Matches the start of a user name, or any part of a display name. */
  q: z.string().trim().min(1).max(128).optional(),
  role: Role.optional(),
  status: UserStatus.optional(),
  sort: z.enum(['createdAt', '-createdAt', 'username', '-username']).default('-createdAt'),
})
export type UserListQuery = z.infer<typeof UserListQuery>
