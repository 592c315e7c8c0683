export { MetricsHub, type MetricsHubEnv } from './metrics-hub.ts'
export * from './shared.ts'
