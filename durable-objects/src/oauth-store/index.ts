export { OAuthStore, type StoreRow } from './oauth-store.ts'
export type { StoredRow } from './rows.ts'
