import type { CloudEvent, NotificationContent } from '@menagerie/contracts'

/** What a rule says of an event, and to whom. */
export interface RuleMessage {
  ownerId: string
  content: NotificationContent
}

const MAX_TITLE = 200

/** What people read when an event becomes a notification; `undefined` for types nothing is said of. */
export function messageFor(event: CloudEvent): RuleMessage | undefined {
  if (event.type !== 'device.rule.triggered.v1') return undefined
  const { data } = event as CloudEvent<'device.rule.triggered.v1'>
  const { rule, value, deviceId, deviceName, ownerId, triggeredAt } = data
  const crossed = `${rule.field} ${rule.operator} ${rule.threshold}`
  const title = shorten(`${deviceName || deviceId}: ${rule.name ?? crossed}`)
  const body = [
    `${rule.field} is ${value}, ${rule.operator} ${rule.threshold}.`,
    `Device: ${deviceId}`,
    `Stream: ${rule.stream}`,
    `Time: ${triggeredAt}`,
  ].join('\n')
  return { ownerId, content: { title, body } }
}

/** Cut between characters, never inside one. */
function shorten(text: string): string {
  if (text.length <= MAX_TITLE) return text
  const cut = text.slice(0, MAX_TITLE - 1)
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`
}
