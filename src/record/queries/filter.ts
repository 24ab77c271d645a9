import type { RecordFilter } from '../../kernel/records.ts'

export type SqlValue = string | number | null

/** Conditions over `interceptions`, and the values of their placeholders. */
export interface Condition {
  readonly sql: string
  readonly values: readonly SqlValue[]
}

const CLAUSES: {
  readonly [K in keyof Required<RecordFilter>]: string
} = {
  user: 'user = ?1',
  provider: '(provider_type = ?1 OR provider = ?1)',
  providerName: 'provider = ?1',
  model: 'model = ?1',
  client: 'client = ?1',
  sessionId: 'session_id = ?1',
  startedAfter: 'started_at >= ?1',
  startedBefore: 'started_at <= ?1',
}

/**
 * What a filter asks, for calls that are over. Values are bound, never written
 * into the text.
 */
export function conditionOf(filter: RecordFilter): Condition {
  const clauses = ["status <> 'in_progress'"]
  const values: SqlValue[] = []
  for (const [key, clause] of Object.entries(CLAUSES)) {
    const value = Object.entries(filter).find(([name]) => name === key)?.[1]
    if (value === undefined) continue
    // Each use of the value is a placeholder of its own.
    for (let uses = clause.split('?1').length - 1; uses > 0; uses -= 1) values.push(value)
    clauses.push(clause.replaceAll('?1', '?'))
  }
  return { sql: clauses.join(' AND '), values }
}

/** The same with one more condition. */
export function also(condition: Condition, sql: string, ...values: SqlValue[]): Condition {
  return { sql: `${condition.sql} AND ${sql}`, values: [...condition.values, ...values] }
}
