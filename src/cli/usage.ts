import { parseArgs } from 'node:util'
import { standings } from '../bridge/limits/standings.ts'
import { duration, LONGEST_MS } from '../config/types/duration.ts'
import type { BudgetStanding, CallerPolicy } from '../kernel/budget.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import type { AskRecords, RecordFilter, UsageDimension, UsageRow } from '../kernel/records.ts'
import { askBooks } from '../record/ask-books.ts'
import type { RecordPlace } from '../record/token-book.ts'
import { budgetsCsv, budgetsJson, budgetsTable } from './budgets-format.ts'
import type { Output } from './context.ts'
import { usageCsv, usageJson, usageTable } from './usage-format.ts'

export const USAGE_USAGE = `Usage:
  aibridgeproxyd usage [--by user|model|provider|client|day] [--user NAME]
                       [--since WHEN] [--until WHEN] [--format table|csv|json]
  aibridgeproxyd usage --budgets [--user NAME] [--format table|csv|json]

Who spent what: calls, tokens and dollars, from the records of the state
directory or of PostgreSQL. Calls without a price and those that a plan pays for are counted apart. WHEN
is a date (2026-11-01, in UTC), a time (RFC 3339) or how long ago (30d).
--budgets shows the budgets of now: what is spent and held of each.`

const DIMENSIONS: readonly UsageDimension[] = ['user', 'model', 'provider', 'client', 'day']
const FORMATS: Readonly<Record<string, (rows: readonly UsageRow[], by: UsageDimension) => string>> =
  { table: usageTable, csv: usageCsv, json: usageJson }
const BUDGET_FORMATS: Readonly<Record<string, (rows: readonly BudgetStanding[]) => string>> = {
  table: budgetsTable,
  csv: budgetsCsv,
  json: budgetsJson,
}
/** What only calls have. */
const OF_CALLS = ['by', 'since', 'until'] as const
const AGO = duration({ minMs: 1, maxMs: LONGEST_MS })
const DAY_MS = 86_400_000
const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i

export interface UsageContext extends RecordPlace {
  readonly policy: CallerPolicy
  readonly budgetPolicy: 'highest' | 'lowest'
  readonly clock?: Clock
}

/** `usage`. Reads the database itself, without changing it, whether or not a daemon runs. */
export async function runUsage(
  args: readonly string[],
  io: Output,
  context: UsageContext,
): Promise<number> {
  const { clock = systemClock } = context
  const now = clock.now()
  const answer = parse(args, now)
  const ask: AskRecords = (question, argument) => askBooks(context, question, argument)
  io.stdout.write(await answer(ask, context, now))
  return 0
}

type AnswerFrom = (ask: AskRecords, context: UsageContext, now: number) => Promise<string>

function parse(args: readonly string[], now: number): AnswerFrom {
  const { values, budgets, positionals } = readFlags(args)
  const problems = positionals.map(word => `unexpected argument: ${word}`)
  if (budgets) return parseBudgets(values, problems)
  const by = DIMENSIONS.find(dimension => dimension === (values['by'] ?? 'user'))
  if (by === undefined) problems.push(`--by must be one of ${DIMENSIONS.join(', ')}`)
  const format = FORMATS[values['format'] ?? 'table']
  if (format === undefined) problems.push('--format must be table, csv or json')
  const since = timeOf(values['since'], 'since', now, problems)
  const until = timeOf(values['until'], 'until', now, problems)
  if (by === undefined || format === undefined || problems.length > 0) {
    throw new ConfigurationError(problems)
  }
  const filter: RecordFilter = {
    ...(values['user'] !== undefined && { user: values['user'] }),
    ...(since !== undefined && { startedAfter: since }),
    ...(until !== undefined && { startedBefore: until }),
  }
  return async ask => format(await ask('usage', { filter, by }), by)
}

function parseBudgets(values: Values, problems: string[]): AnswerFrom {
  for (const flag of OF_CALLS) {
    if (values[flag] !== undefined) problems.push(`--${flag} does not go with --budgets`)
  }
  const format = BUDGET_FORMATS[values['format'] ?? 'table']
  if (format === undefined) problems.push('--format must be table, csv or json')
  if (format === undefined || problems.length > 0) throw new ConfigurationError(problems)
  const user = values['user'] ?? null
  return async (ask, { policy, budgetPolicy: choice }, now) =>
    format(standings({ policy, choice, now, user }, await ask('budgets', { now })))
}

/** A date counts whole: as `--until` it goes to its last millisecond. */
function timeOf(
  text: string | undefined,
  flag: 'since' | 'until',
  now: number,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined
  const isDate = DATE.test(text)
  const time = isDate || TIME.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return isDate && flag === 'until' ? time + DAY_MS - 1 : time
  const ago = AGO.parse(text)
  if (ago.ok) return now - ago.value
  problems.push(`--${flag} must be a date (2026-11-01), a time (RFC 3339) or how long ago (30d)`)
  return undefined
}

type Values = Readonly<Record<string, string | undefined>>

function readFlags(args: readonly string[]): {
  readonly values: Values
  readonly budgets: boolean
  readonly positionals: readonly string[]
} {
  const text = { type: 'string' } as const
  const options = {
    by: text,
    user: text,
    since: text,
    until: text,
    format: text,
    budgets: { type: 'boolean' },
  } as const
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    const { budgets = false, ...values } = parsed.values
    return { values, budgets, positionals: parsed.positionals }
  } catch (error) {
    throw new ConfigurationError([`${describeError(error)}\n${USAGE_USAGE}`])
  }
}
