import { randomUUID } from 'node:crypto'
import type { PostgresServer } from '../config/types/postgres-url.ts'
import type { PostgresBooksOptions } from './postgres/books.ts'
import { serverData } from './postgres/server-data.ts'
import { ThreadBooks } from './thread-books.ts'

/** The books in PostgreSQL, which any number of daemons share. */
export class PostgresBooks extends ThreadBooks {
  constructor(options: { readonly server: PostgresServer; readonly chained?: boolean }) {
    const { chained = false } = options
    const server = serverData(options.server)
    const data: PostgresBooksOptions = { server, instance: randomUUID(), chained }
    super(
      { program: 'postgres/books-worker', data },
      { program: 'postgres/reader-worker', data: { server } },
    )
  }
}
