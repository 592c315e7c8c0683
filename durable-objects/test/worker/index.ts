export { JournalRoom } from './journal-room.ts'

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler
