import type { PostgresServer } from '../../config/types/postgres-url.ts'

/** A server as it goes to a thread, which cannot be given a `Secret`. */
export type ServerData = Omit<PostgresServer, 'password'> & {
  readonly password: string | undefined
}

/** What the thread is started with that watches the tokens. */
export interface PostgresStoreData {
  readonly server: ServerData
  readonly pollMs: number
}

export function serverData({ password, ...server }: PostgresServer): ServerData {
  return { ...server, password: password?.reveal() }
}
