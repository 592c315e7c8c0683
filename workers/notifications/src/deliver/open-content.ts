import { NotificationContent, type SealedContent } from '@menagerie/contracts'
import { DELIVERY_PURPOSE, unseal } from '@menagerie/core'

/** Whether content is for its recipient alone: it is opened here, handed to the provider, and kept nowhere. */
export const isSealed = (content: NotificationContent | SealedContent): content is SealedContent =>
  'sealed' in content

/**
 * Opens what was sealed for one delivery.
 *
 * @param key `DELIVERY_KEY`
 * @returns `undefined` for what was sealed with another key or for another delivery, or is no content
 */
export async function openContent(
  key: string,
  { sealed }: SealedContent,
  deliveryId: string,
): Promise<NotificationContent | undefined> {
  try {
    const text = await unseal(key, DELIVERY_PURPOSE, sealed, deliveryId)
    return NotificationContent.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
