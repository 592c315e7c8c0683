/** `drizzle-kit generate` writes the next migration. Add columns and tables only: rebuilds lose rows on D1. */
export default { dialect: 'sqlite', schema: './src/db/schema.ts', out: './migrations' }
