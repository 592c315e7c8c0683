export { findMosquitto } from './mosquitto.ts'
export type { BrokerPasswords, RunningBroker } from './running-broker.ts'
export { type StartBrokerOptions, startBroker } from './start-broker.ts'
