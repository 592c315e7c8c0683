import type { Principal } from '@menagerie/core'

type Holder = Pick<Principal, 'permissions'>

/** Whether a token lets its account take contacts. */
export const mayServe = ({ permissions }: Holder): boolean => permissions.includes('agents:self')

/**
 * Whether the desk's account is there: an agent by a socket that may take contacts, anybody else by any. A socket lives
 * on with the next token of its account, which may not be an agent's any more.
 *
 * @param holders of the open sockets
 */
export const isPresent = (isAgent: boolean, holders: readonly Holder[]): boolean =>
  isAgent ? holders.some(mayServe) : holders.length > 0

/** Whether sockets are open that must not be shown a contact, and no other. */
export const onlyOnlookers = (holders: readonly Holder[]): boolean =>
  holders.length > 0 && !holders.some(mayServe)
