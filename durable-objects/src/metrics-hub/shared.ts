/** What the hub's callers need without its class, so that it loads outside of workerd too. */
export type * from './delta.ts'
export * from './labels.ts'
export { textFormatType } from './text-format.ts'

/** A deployment has one hub, under this name. */
export const metricsHubName = 'metrics'
