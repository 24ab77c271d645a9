import type { ActiveToken } from './tokens.ts'

/** What the thread is started with, where the tokens are in SQLite. */
export interface SqliteStoreData {
  readonly stateDir: string
  readonly pollMs: number
}

export type ToStoreWorker =
  /** Look for changes now; answered by `checked` with the same id. */
  { readonly type: 'refresh'; readonly id: number } | { readonly type: 'close' }

export type FromStoreWorker =
  /** The database could not be opened; the worker ends. */
  | { readonly type: 'refused'; readonly problems: readonly string[] }
  | { readonly type: 'ready'; readonly deploymentId: string }
  /** All active tokens; sent before the `checked` that found them changed. */
  | { readonly type: 'tokens'; readonly tokens: readonly ActiveToken[] }
  /** What was sent is current; `id` is missing after an unasked look. */
  | { readonly type: 'checked'; readonly id: number | undefined }
  /** It could not be told whether it is; the next look may succeed. */
  | { readonly type: 'failed'; readonly id: number | undefined; readonly problem: string }
