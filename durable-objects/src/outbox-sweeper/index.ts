export { OutboxSweeper, type OutboxSweeperEnv, queueBinding } from './outbox-sweeper.ts'
