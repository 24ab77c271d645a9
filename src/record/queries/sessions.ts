import type { DatabaseSync } from 'node:sqlite'
import type { RecordFilter, RecordQueries, SessionRecord, TokenSums } from '../../kernel/records.ts'
import { mergeExtra, parseExtra } from './extra.ts'
import { conditionOf } from './filter.ts'

/** In lists the last prompt is there to recognise a session by. */
const PROMPT_LENGTH = 4096

export function countSessions(database: DatabaseSync, filter: RecordFilter): number {
  const { sql, values } = conditionOf(filter)
  const row = database
    .prepare(
      `SELECT count(*) AS n FROM (SELECT 1 FROM interceptions WHERE ${sql} GROUP BY session_id, user)`,
    )
    .get(...values)
  return Number(row?.['n'])
}

/** Latest activity first; null when the cursor is no session among them. */
export function sessions(
  database: DatabaseSync,
  { filter, after, offset, limit }: RecordQueries['sessions']['argument'],
): RecordQueries['sessions']['answer'] {
  const { sql, values } = conditionOf(filter)
  const grouped = `SELECT session_id, user, max(seq) AS last FROM interceptions
    WHERE ${sql} GROUP BY session_id, user`
  let before = Number.MAX_SAFE_INTEGER
  if (after !== null) {
    const row = database
      .prepare(`SELECT max(last) AS last FROM (${grouped}) WHERE session_id = ?`)
      .get(...values, after)
    if (typeof row?.['last'] !== 'number') return null
    before = row['last']
  }
  const rows = database
    .prepare(`SELECT * FROM (${grouped}) WHERE last < ? ORDER BY last DESC LIMIT ? OFFSET ?`)
    .all(...values, before, limit, offset)
  return rows.map(row => describeSession(database, String(row['session_id']), String(row['user'])))
}

/** A session of that id; of several users' the one that was active last. */
export function session(
  database: DatabaseSync,
  { id, user }: RecordQueries['session']['argument'],
): SessionRecord | null {
  const row = database
    .prepare(
      `SELECT user FROM interceptions
       WHERE session_id = ? AND (? IS NULL OR user = ?) AND status <> 'in_progress'
       ORDER BY seq DESC LIMIT 1`,
    )
    .get(id, user, user)
  return row === undefined ? null : describeSession(database, id, String(row['user']))
}

const SUMMARY = `
  SELECT count(*) AS calls, min(started_at) AS started_at, max(ended_at) AS ended_at,
    max(coalesce(ended_at, started_at)) AS last_active_at,
    sum(status = 'in_progress') AS open,
    count(DISTINCT coalesce(thread_root_id, id)) AS threads,
    json_group_array(DISTINCT provider_type) AS providers,
    json_group_array(DISTINCT model) FILTER (WHERE model IS NOT NULL) AS models
  FROM interceptions WHERE session_id = ? AND user = ?`
const TOKENS = `
  SELECT sum(t.input) AS input, sum(t.output) AS output, sum(t.cache_read) AS cache_read,
    sum(t.cache_write) AS cache_write,
    json_group_array(json(t.extra)) FILTER (WHERE t.extra <> '{}') AS extra
  FROM interceptions i JOIN token_usages t ON t.interception = i.seq
  WHERE i.session_id = ? AND i.user = ?`
const LAST_CLIENT = `
  SELECT client FROM interceptions WHERE session_id = ? AND user = ? ORDER BY seq DESC LIMIT 1`
const LAST_PROMPT = `
  SELECT substr(p.prompt, 1, ${PROMPT_LENGTH}) AS prompt
  FROM interceptions i JOIN user_prompts p ON p.interception = i.seq
  WHERE i.session_id = ? AND i.user = ? ORDER BY i.seq DESC, p.position DESC LIMIT 1`

function describeSession(database: DatabaseSync, id: string, user: string): SessionRecord {
  const one = (sql: string): Readonly<Record<string, unknown>> =>
    database.prepare(sql).get(id, user) ?? {}
  const summary = one(SUMMARY)
  const prompt = one(LAST_PROMPT)['prompt']
  const client = one(LAST_CLIENT)['client']
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
    tokens: sums(one(TOKENS)),
    lastPrompt: typeof prompt === 'string' ? prompt : null,
  }
}

function sums(row: Readonly<Record<string, unknown>>): TokenSums {
  return {
    input: numeric(row['input']),
    output: numeric(row['output']),
    cacheRead: numeric(row['cache_read']),
    cacheWrite: numeric(row['cache_write']),
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
