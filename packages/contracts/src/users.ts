import { z } from '@hono/zod-openapi'
import { Permission, RoleName } from './permissions.ts'
import {
  EmailAddress,
  freeText,
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
  .refine((value) => value.isWellFormed(), 'must be Unicode text without lone surrogates')
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
    deviceName: freeText(128).optional(),
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
    displayName: freeText(128).optional(),
    locale: Locale.optional(),
    timeZone: TimeZone.optional(),
    invitationToken: freeText(256).optional(),
  })
  .refine(exactlyOneOf('phoneNumber', 'email'), 'give exactly one of phoneNumber and email')
  .openapi('RegisterRequest')
export type RegisterRequest = z.infer<typeof RegisterRequest>

export const Registration = z
  .strictObject({
    id: Id,
    /** `active` where an invitation came to the same number or address, so that nothing is left to verify. */
    status: z.enum(['pending', 'active']),
    verification: z
      .strictObject({ channel: z.enum(['sms', 'email']), expiresAt: Timestamp })
      .nullable(),
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
  roles: z.array(RoleName),
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

/** What its owner may change of an account without proof of anything. */
export const UpdateProfileRequest = z
  .strictObject({
    displayName: freeText(128).nullable().optional(),
    locale: Locale.nullable().optional(),
    timeZone: TimeZone.nullable().optional(),
  })
  .openapi('UpdateProfileRequest')
export type UpdateProfileRequest = z.infer<typeof UpdateProfileRequest>

/** What an administrator may change of an account; a new number or address is taken as verified by them. */
export const UpdateUserRequest = z
  .strictObject({
    displayName: freeText(128).nullable().optional(),
    locale: Locale.nullable().optional(),
    timeZone: TimeZone.nullable().optional(),
    phoneNumber: PhoneNumber.nullable().optional(),
    email: EmailAddress.nullable().optional(),
  })
  .openapi('UpdateUserRequest')
export type UpdateUserRequest = z.infer<typeof UpdateUserRequest>

/** An account as an administrator sees it. */
export const UserDetail = User.extend({
  permissions: z.array(Permission),
  mfa: z.strictObject({ enabled: z.boolean(), methods: z.array(z.string()) }),
  sessions: z.number().int(),
}).openapi('UserDetail')
export type UserDetail = z.infer<typeof UserDetail>

/** Free settings of the user's own apps: at most 16 KiB of JSON. */
export const Preferences = z.record(z.string().min(1).max(64), z.unknown()).openapi('Preferences')
export type Preferences = z.infer<typeof Preferences>

export const CreateInvitationRequest = z
  .strictObject({
    email: EmailAddress.optional(),
    phoneNumber: PhoneNumber.optional(),
    roles: z.array(RoleName).min(1).max(16).default(['user']),
    displayName: freeText(128).optional(),
  })
  .refine(exactlyOneOf('email', 'phoneNumber'), 'give exactly one of email and phoneNumber')
  .openapi('CreateInvitationRequest')
export type CreateInvitationRequest = z.infer<typeof CreateInvitationRequest>

export const Invitation = z
  .strictObject({
    id: Id,
    email: EmailAddress.nullable(),
    phoneNumber: PhoneNumber.nullable(),
    roles: z.array(RoleName),
    invitedBy: Id,
    status: z.enum(['open', 'accepted', 'expired']),
    createdAt: Timestamp,
    expiresAt: Timestamp,
  })
  .openapi('Invitation')
export type Invitation = z.infer<typeof Invitation>

export const UserListQuery = PageQuery.extend({
  /** Matches the start of a user name, or of any word of a display name. */
  q: z.string().trim().min(1).max(128).optional(),
  role: RoleName.optional(),
  status: UserStatus.optional(),
  sort: z.enum(['createdAt', '-createdAt', 'username', '-username']).default('-createdAt'),
})
export type UserListQuery = z.infer<typeof UserListQuery>
