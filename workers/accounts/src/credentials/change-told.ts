import { auditStatements } from '../audit.ts'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import type { Condition } from './commit.ts'
import { noticeStatements, type notices } from './notices.ts'

/**
 * Statements that tell of a change somebody made of a credential of their own: one audit event, and a message to the owner.
 *
 * @param now milliseconds since the epoch
 */
export const changeTold = async (
  env: Env,
  user: UserRow,
  change: Exclude<keyof typeof notices, 'contact.changed'>,
  now: number,
  traceparent: string,
  condition?: Condition,
): Promise<D1PreparedStatement[]> => [
  ...auditStatements(
    env.DB,
    {
      action: change,
      actor: { kind: 'user', id: user.id },
      target: { kind: 'user', id: user.id },
    },
    now,
    traceparent,
    condition,
  ),
  ...(await noticeStatements(env, user, change, traceparent, condition)),
]
