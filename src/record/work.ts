/**
 * What the books do, without the database that does it: a `Work` is a generator
 * that yields one statement after the other and is given the answer of each. A
 * runner drives it, synchronously over SQLite (`sqlite-runner`) or over a
 * network. So every statement is written once, in the SQL that both understand:
 * `"user"` in quotes, which is a keyword in PostgreSQL; conflicts with the
 * table's name before its columns; what cannot be said in common is a word of
 * the `Dialect`.
 */
export type Work<T> = Generator<Statement, T, Answer>

export type SqlValue = string | number | null
export type SqlValues = Readonly<Record<string, SqlValue>>
export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  /** Parameters are named, `:name`; values are never written into the text. */
  readonly sql: string
  readonly values: SqlValues
  /** A statement with no answer may be sent along with the next one. */
  readonly wants: 'nothing' | 'rows' | 'changes'
}

export interface Answer {
  readonly rows: readonly Row[]
  /** Rows that were changed. */
  readonly changes: number
}

/** A statement that nothing more is to be known of. */
export function put(sql: string, values: SqlValues): Statement {
  return { sql, values, wants: 'nothing' }
}

/** A statement that answers with rows. */
export function ask(sql: string, values: SqlValues = {}): Statement {
  return { sql, values, wants: 'rows' }
}

/** A statement that answers with the number of rows it changed. */
export function change(sql: string, values: SqlValues): Statement {
  return { sql, values, wants: 'changes' }
}

/** What the databases say differently. */
export interface Dialect {
  /** The day (`YYYY-MM-DD`, UTC) of a column of milliseconds. */
  readonly day: (column: string) => string
  /** A condition: the column is among the numbers of a JSON array. */
  readonly among: (column: string, parameter: string) => string
  /** A condition: the column is among the texts of a JSON array. */
  readonly amongTexts: (column: string, parameter: string) => string
  /** An aggregate: the distinct values that are not NULL, as text of a JSON array. */
  readonly distinct: (column: string) => string
  /** An aggregate: JSON objects that are not empty, as text of a JSON array. */
  readonly objects: (column: string) => string
  /**
   * At the end of a SELECT: the rows cannot change before the transaction ends.
   * Nothing in SQLite, where one transaction writes at a time.
   */
  readonly forUpdate: string
  /** The `bytes` that the books take, without what deletions left free. */
  readonly usedBytes: string
}
