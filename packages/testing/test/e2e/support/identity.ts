import { createSession, type Session } from '@menagerie/client'
import type { ClientWithSecret, CreateClientRequest } from '@menagerie/contracts'
import { clients as routes } from '@menagerie/contracts/routes'
import { showCode } from '@menagerie/lab/authenticator'
import type { RunningSystem } from '../../../src/launcher/system.ts'

/** The demo user of a role. */
export function demoUser(system: RunningSystem, role: string) {
  const user = system.users.find((candidate) => candidate.role === role)
  if (user === undefined) throw new Error(`there is no demo ${role}`)
  return user
}

/** The demo admin, signed in and with a second factor shown just now: what critical actions ask for. */
export async function steppedUpAdmin(system: RunningSystem): Promise<{
  session: Session
  /** With `acr` "2". */
  token: string
}> {
  const { username, password, totpSecret = '' } = demoUser(system, 'admin')
  const session = createSession({ baseUrl: system.url })
  await session.signIn({ username, password })
  await showCode(session, totpSecret)
  return { session, token: session.tokens?.accessToken ?? '' }
}

/** Registers an OAuth client, as an administrator does. */
export async function registerClient(
  system: RunningSystem,
  token: string,
  client: Partial<CreateClientRequest> & Pick<CreateClientRequest, 'name' | 'type'>,
): Promise<ClientWithSecret> {
  const response = await fetch(`${system.url}${routes.create.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(client),
  })
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
  return ((await response.json()) as { data: ClientWithSecret }).data
}
