export * from './catalog.ts'
export * from './examples.ts'
export * from './schemas.ts'
