import type { RecordFilter } from '../../kernel/records.ts'
import type { SqlValue, SqlValues } from '../work.ts'

/** Conditions over `interceptions`, and the values of their parameters. */
export interface Condition {
  readonly sql: string
  readonly values: SqlValues
}

const CLAUSES: {
  readonly [K in keyof Required<RecordFilter>]: string
} = {
  user: '"user" = :user',
  provider: '(provider_type = :provider OR provider = :provider)',
  providerName: 'provider = :providerName',
  model: 'model = :model',
  client: 'client = :client',
  sessionId: 'session_id = :sessionId',
  startedAfter: 'started_at >= :startedAfter',
  startedBefore: 'started_at <= :startedBefore',
}

/**
 * What a filter asks, for calls that are over. Values are bound, never written
 * into the text.
 */
export function conditionOf(filter: RecordFilter): Condition {
  const clauses = ["status <> 'in_progress'"]
  const values: Record<string, SqlValue> = {}
  for (const [key, clause] of Object.entries(CLAUSES)) {
    const value = Object.entries(filter).find(([name]) => name === key)?.[1]
    if (value === undefined) continue
    clauses.push(clause)
    values[key] = value
  }
  return { sql: clauses.join(' AND '), values }
}

/** The same with one more condition. */
export function also(condition: Condition, sql: string, values: SqlValues = {}): Condition {
  return { sql: `${condition.sql} AND ${sql}`, values: { ...condition.values, ...values } }
}
