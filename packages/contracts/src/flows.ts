import { z } from '@hono/zod-openapi'
import { Skills } from './agents.ts'
import { CallAddress } from './calls.ts'
import { freeText, Id, Locale, PageQuery, PhoneNumber, Timestamp } from './primitives.ts'

/** What a call does next. `enqueue` and `hangup` end a flow; a `dial` that nobody answers goes on with the next step. */
export const FlowStep = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('say'),
    text: freeText(1000),
    language: Locale.optional(),
  }),
  z.strictObject({
    type: z.literal('dial'),
    to: CallAddress,
    timeoutSeconds: z.number().int().min(5).max(600).default(20),
  }),
  z.strictObject({
    type: z.literal('enqueue'),
    queueId: Id,
    priority: z.number().int().min(0).max(100).optional(),
    skills: Skills.optional(),
  }),
  z.strictObject({ type: z.literal('hangup') }),
])
export type FlowStep = z.infer<typeof FlowStep>

export const FlowSteps = z
  .array(FlowStep)
  .min(1)
  .max(20)
  .refine(
    (steps) => steps.slice(0, -1).every(({ type }) => type !== 'enqueue' && type !== 'hangup'),
    'must not go on after enqueue or hangup',
  )

const flowFields = {
  name: freeText(100),
  /** The numbers whose incoming calls follow it; a number leads to one flow. */
  numbers: z
    .array(PhoneNumber)
    .max(100)
    .refine((numbers) => new Set(numbers).size === numbers.length, 'must not repeat'),
  steps: FlowSteps,
}

/** What incoming calls to some numbers go through, and outgoing calls that name it once they are answered. */
export const Flow = z
  .strictObject({
    id: Id,
    ...flowFields,
    version: z.number().int(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .openapi('Flow')
export type Flow = z.infer<typeof Flow>

export const CreateFlowRequest = z
  .strictObject({ ...flowFields, numbers: flowFields.numbers.default([]) })
  .openapi('CreateFlowRequest')
export type CreateFlowRequest = z.infer<typeof CreateFlowRequest>

export const PatchFlowRequest = z
  .strictObject(flowFields)
  .partial()
  .refine((value) => Object.keys(value).length > 0, 'must change something')
  .openapi('PatchFlowRequest')
export type PatchFlowRequest = z.infer<typeof PatchFlowRequest>

export const FlowListQuery = PageQuery
export type FlowListQuery = z.infer<typeof FlowListQuery>
