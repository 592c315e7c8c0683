import type { Permission, Scope } from '@menagerie/contracts'

type IdentityScope = Exclude<Scope, Permission>

/** What each scope lets an app do, in words for who is asked. */
const words: Readonly<Record<Scope, string>> = {
  openid: 'Know that it is you',
  profile: 'See your name, language and time zone',
  email: 'See your e-mail address',
  phone: 'See your phone number',
  offline_access: 'Keep its access while you are not using it',
  'profile:read': 'See your profile',
  'profile:write': 'Change your profile',
  'calls:read:own': 'See your calls',
  'calls:read:all': 'See everybody’s calls',
  'calls:write': 'Make, answer and end calls for you',
  'conversations:read:own': 'Read your conversations',
  'conversations:write:own': 'Write in your conversations',
  'conversations:read': 'Read all conversations with customers',
  'conversations:write': 'Write to customers in any conversation',
  'agents:self': 'Set whether you are available for calls',
  'queues:write': 'Manage queues',
  'devices:read:own': 'See your devices and what they report',
  'devices:write:own': 'Manage and control your devices',
  'devices:read': 'See all devices and what they report',
  'devices:write': 'Manage and control all devices',
  'devices:bridge': 'Pass on messages of all devices',
  'notifications:read:own': 'Read your notifications',
  'notifications:write:own': 'Manage your notifications',
  'notifications:read:all': 'Read everybody’s notifications',
  'notifications:write:all': 'Send notifications to anybody',
  'reports:read': 'See reports',
  'users:read': 'See all accounts',
  'users:write': 'Create, change and delete accounts',
  'roles:write': 'Change roles and what they allow',
  'clients:write': 'Manage the apps that may ask for access',
  'settings:read': 'See the settings of the service',
  'settings:write': 'Change the settings of the service',
  'audit:read': 'Read the audit log',
  'dead-letters:read': 'See messages that could not be delivered',
  'dead-letters:write': 'Send such messages again or drop them',
  'operations:read': 'See how the service is running',
}

export interface ScopeWords {
  scope: string
  text: string
  /** Reaches what belongs to others too. */
  wide: boolean
}

const identity: readonly IdentityScope[] = ['openid', 'profile', 'email', 'phone', 'offline_access']
const isIdentity = (scope: string): boolean => identity.some((each) => each === scope)

/** Of one's own alone. Whatever is not named here is told as reaching further. */
const narrow: readonly string[] = ['profile:read', 'profile:write', 'calls:write', 'agents:self']
const isWide = (scope: string): boolean =>
  !isIdentity(scope) && !scope.endsWith(':own') && !narrow.includes(scope)

/**
 * What an app asks for, once each, as sentences that go on after "This app wants to". `openid` is told only where nothing
 * else is. A scope without words is shown by its name: nothing is granted unseen.
 */
export function scopeWords(scopes: readonly string[]): ScopeWords[] {
  const asked = [...new Set(scopes)]
  const told = asked.filter((scope) => scope !== 'openid')
  return (told.length === 0 ? asked : told).map((scope) => ({
    scope,
    text: Object.hasOwn(words, scope) ? words[scope as Scope] : scope,
    wide: isWide(scope),
  }))
}
