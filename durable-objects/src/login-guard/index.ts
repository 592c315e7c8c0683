export type { Budget } from './budget.ts'
export { LoginGuard, type SecretKind } from './login-guard.ts'
