export { type RunningBridge, startBridge } from './bridge.ts'
export { type BridgeSettings, readSettings, SettingsError } from './settings.ts'
