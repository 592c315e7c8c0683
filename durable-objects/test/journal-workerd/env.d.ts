/// <reference types="@cloudflare/vitest-plugin/types" />

declare namespace Cloudflare {
  interface Env {
    JOURNAL_ROOM: DurableObjectNamespace<import('../worker/journal-room.ts').JournalRoom>
  }
}
