import type { NotificationInput } from './notification-types.ts'

/**
 * What a fired timer of that name, `{due|watch}:{notificationId}`, means.
 *
 * @throws Error for a name that no step sets
 */
export function toTimerInput(name: string): { notificationId: string; input: NotificationInput } {
  const [kind = '', notificationId = ''] = name.split(':')
  switch (kind) {
    case 'due':
    case 'watch':
      return { notificationId, input: { type: `timer.${kind}` } }
  }
  throw new Error(`A mailbox has no timer "${name}"`)
}
