export { BridgeLink } from './bridge-link.ts'
export type * from './link-types.ts'
