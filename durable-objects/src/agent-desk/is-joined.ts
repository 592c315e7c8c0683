import type { Principal } from '@menagerie/core'
import type { CallRoomApi } from '../call-room/index.ts'

/**
 * Whether a room has an account in its call now. A call that is not there has nobody.
 *
 * @throws Error where the room cannot say
 */
export async function isJoined(room: Pick<CallRoomApi, 'get'>, userId: string): Promise<boolean> {
  const call = await room.get(memberOf(userId))
  if (call.ok) {
    const { endedAt, participants } = call.value
    return (
      endedAt === null &&
      participants.some(({ address, state }) => address === userId && state === 'joined')
    )
  }
  if (call.error.code === 'not_found') return false
  throw new Error(`The room answered ${call.error.code}`)
}

/** The account, as far as its own calls go. */
const memberOf = (id: string): Principal => ({
  kind: 'user',
  id,
  username: '',
  sessionId: '',
  clientId: '',
  roles: [],
  permissions: ['calls:read:own'],
  acr: '1',
  issuedAt: 0,
  expiresAt: 0,
})
