import type { RecordFilter, RecordQueries, SessionRecord, TokenSums } from '../../kernel/records.ts'
import { ask, type Dialect, type Row, type Work } from '../work.ts'
import { COST, IS_UNPRICED } from './costs.ts'
import { mergeExtra, parseExtra } from './extra.ts'
import { conditionOf } from './filter.ts'

/** In lists the last prompt is there to recognise a session by. */
const PROMPT_LENGTH = 4096

export function* countSessions(_: Dialect, filter: RecordFilter): Work<number> {
  const { sql, values } = conditionOf(filter)
  const grouped = `SELECT 1 AS one FROM interceptions WHERE ${sql} GROUP BY session_id, "user"`
  const [row] = (yield ask(`SELECT count(*) AS n FROM (${grouped}) AS sessions`, values)).rows
  return Number(row?.['n'])
}

/** Latest activity first; null when the cursor is no session among them. */
export function* sessions(
  dialect: Dialect,
  { filter, after, offset, limit }: RecordQueries['sessions']['argument'],
): Work<RecordQueries['sessions']['answer']> {
  const { sql, values } = conditionOf(filter)
  const grouped = `(SELECT session_id, "user", max(seq) AS last FROM interceptions
    WHERE ${sql} GROUP BY session_id, "user") AS sessions`
  let before = Number.MAX_SAFE_INTEGER
  if (after !== null) {
    const found = yield ask(`SELECT max(last) AS last FROM ${grouped} WHERE session_id = :after`, {
      ...values,
      after,
    })
    const [row] = found.rows
    if (typeof row?.['last'] !== 'number') return null
    before = row['last']
  }
  const { rows } = yield ask(
    `SELECT * FROM ${grouped} WHERE last < :before ORDER BY last DESC LIMIT :limit OFFSET :offset`,
    { ...values, before, limit, offset },
  )
  const described: SessionRecord[] = []
  for (const row of rows) {
    described.push(yield* describeSession(dialect, String(row['session_id']), String(row['user'])))
  }
  return described
}

/** A session of that id; of several users' the one that was active last. */
export function* session(
  dialect: Dialect,
  { id, user }: RecordQueries['session']['argument'],
): Work<SessionRecord | null> {
  const found = yield ask(
    `SELECT "user" FROM interceptions
     WHERE session_id = :id AND (CAST(:user AS TEXT) IS NULL OR "user" = :user) AND status <> 'in_progress'
     ORDER BY seq DESC LIMIT 1`,
    { id, user },
  )
  const [row] = found.rows
  return row === undefined ? null : yield* describeSession(dialect, id, String(row['user']))
}

const summaryOf = (dialect: Dialect): string => `
  SELECT count(*) AS calls, min(started_at) AS started_at, max(ended_at) AS ended_at,
    max(coalesce(ended_at, started_at)) AS last_active_at,
    count(*) FILTER (WHERE status = 'in_progress') AS open,
    count(DISTINCT coalesce(thread_root_id, id)) AS threads,
    ${dialect.distinct('provider_type')} AS providers,
    ${dialect.distinct('model')} AS models
  FROM interceptions WHERE session_id = :id AND "user" = :user`
const tokensOf = (dialect: Dialect): string => `
  SELECT sum(t.input) AS input, sum(t.output) AS output, sum(t.cache_read) AS cache_read,
    sum(t.cache_write) AS cache_write, ${COST} AS cost,
    count(*) FILTER (WHERE ${IS_UNPRICED}) AS unpriced,
    ${dialect.objects('t.extra')} AS extra
  FROM interceptions i JOIN token_usages t ON t.interception = i.seq
  WHERE i.session_id = :id AND i."user" = :user`
const LAST_CLIENT = `
  SELECT client FROM interceptions WHERE session_id = :id AND "user" = :user ORDER BY seq DESC LIMIT 1`
const LAST_PROMPT = `
  SELECT substr(p.prompt, 1, ${PROMPT_LENGTH}) AS prompt
  FROM interceptions i JOIN user_prompts p ON p.interception = i.seq
  WHERE i.session_id = :id AND i."user" = :user ORDER BY i.seq DESC, p.position DESC LIMIT 1`

function* describeSession(dialect: Dialect, id: string, user: string): Work<SessionRecord> {
  function* one(sql: string): Work<Row> {
    return (yield ask(sql, { id, user })).rows[0] ?? {}
  }
  const summary = yield* one(summaryOf(dialect))
  const { prompt } = yield* one(LAST_PROMPT)
  const { client } = yield* one(LAST_CLIENT)
  return {
    id,
    user,
    providers: names(summary['providers']),
    models: names(summary['models']),
    client: typeof client === 'string' ? client : 'Unknown',
    startedAt: Number(summary['started_at']),
    endedAt: summary['open'] === 0 ? numeric(summary['ended_at']) : null,
    lastActiveAt: Number(summary['last_active_at']),
    threads: Number(summary['threads']),
    calls: Number(summary['calls']),
    tokens: sums(yield* one(tokensOf(dialect))),
    lastPrompt: typeof prompt === 'string' ? prompt : null,
  }
}

function sums(row: Row): TokenSums {
  return {
    input: numeric(row['input']),
    output: numeric(row['output']),
    cacheRead: numeric(row['cache_read']),
    cacheWrite: numeric(row['cache_write']),
    costNano: numeric(row['cost']),
    unpriced: Number(row['unpriced']),
    extra: mergeExtra(
      Object.values(parseExtra(row['extra'] ?? '[]')).map(extra => ({ ...asObject(extra) })),
    ),
  }
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function names(json: unknown): string[] {
  return Object.values(parseExtra(json)).map(String).sort()
}

function numeric(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
