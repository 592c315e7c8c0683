import { createHmac } from 'node:crypto'
import { IceServer } from '@menagerie/contracts'
import { z } from 'zod'

/** How long a TURN password is good. */
const CREDENTIAL_MS = 60 * 60_000

/**
 * The ICE servers for a user's browser. TURN servers that share a secret with us get a name and a password for an
 * hour (draft-uberti-behave-turn-rest-00 §2.2); those with a password of their own keep it.
 *
 * @param settings JSON of `IceServer[]`
 */
export function iceServersFor(
  userId: string,
  settings: string,
  turnSecret: string | undefined,
  now: number,
): IceServer[] {
  const servers = z.array(IceServer).parse(JSON.parse(settings))
  if (turnSecret === undefined) return servers
  const username = `${Math.floor((now + CREDENTIAL_MS) / 1000)}:${userId}`
  const credential = createHmac('sha1', turnSecret).update(username).digest('base64')
  return servers.map((server) =>
    server.credential === undefined && isTurn(server)
      ? { ...server, username, credential }
      : server,
  )
}

const isTurn = ({ urls }: IceServer): boolean => [urls].flat().some((url) => /^turns?:/.test(url))
