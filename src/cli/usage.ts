import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { duration, LONGEST_MS } from '../config/types/duration.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import type { RecordFilter, UsageDimension, UsageRow } from '../kernel/records.ts'
import { databaseFile } from '../record/database.ts'
import { BookReader } from '../record/reader.ts'
import { usageCsv, usageJson, usageTable } from './usage-format.ts'

export const USAGE_USAGE = `Usage:
  aibridgeproxyd usage [--by user|model|provider|client|day] [--user NAME]
                       [--since WHEN] [--until WHEN] [--format table|csv|json]

Who spent what: calls, tokens and dollars, from the records of the state
directory. Calls without a price and those that a plan pays for are counted apart. WHEN
is a date (2026-11-01, in UTC), a time (RFC 3339) or how long ago (30d).`

const DIMENSIONS: readonly UsageDimension[] = ['user', 'model', 'provider', 'client', 'day']
const FORMATS: Readonly<Record<string, (rows: readonly UsageRow[], by: UsageDimension) => string>> =
  { table: usageTable, csv: usageCsv, json: usageJson }
const AGO = duration({ minMs: 1, maxMs: LONGEST_MS })
const DAY_MS = 86_400_000
const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i

export interface UsageIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/**
 * `usage`. Reads the database itself, without changing it, whether or not a
 * daemon runs.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration error.
 */
export function runUsage(
  args: readonly string[],
  io: UsageIo,
  { stateDir, clock = systemClock }: { readonly stateDir: string; readonly clock?: Clock },
): number {
  try {
    if (args.includes('--help') || args.includes('-h')) {
      io.stdout.write(`${USAGE_USAGE}\n`)
      return 0
    }
    const { by, filter, format } = parse(args, clock.now())
    const file = databaseFile(stateDir)
    if (!existsSync(file)) {
      throw new ConfigurationError([
        `there are no records in ${file}: is CODER_AIBRIDGE_PROXY_STATE_DIR the daemon's?`,
      ])
    }
    using reader = new BookReader(stateDir)
    io.stdout.write(format(reader.ask('usage', { filter, by }), by))
    return 0
  } catch (error) {
    io.stderr.write(`${describeError(error)}\n`)
    return error instanceof ConfigurationError ? 2 : 1
  }
}

interface Wanted {
  readonly by: UsageDimension
  readonly filter: RecordFilter
  readonly format: (rows: readonly UsageRow[], by: UsageDimension) => string
}

function parse(args: readonly string[], now: number): Wanted {
  const { values, positionals } = readFlags(args)
  const problems = positionals.map(word => `unexpected argument: ${word}`)
  const by = DIMENSIONS.find(dimension => dimension === (values['by'] ?? 'user'))
  if (by === undefined) problems.push(`--by must be one of ${DIMENSIONS.join(', ')}`)
  const format = FORMATS[values['format'] ?? 'table']
  if (format === undefined) problems.push('--format must be table, csv or json')
  const since = timeOf(values['since'], 'since', now, problems)
  const until = timeOf(values['until'], 'until', now, problems)
  if (by === undefined || format === undefined || problems.length > 0) {
    throw new ConfigurationError(problems)
  }
  return {
    by,
    format,
    filter: {
      ...(values['user'] !== undefined && { user: values['user'] }),
      ...(since !== undefined && { startedAfter: since }),
      ...(until !== undefined && { startedBefore: until }),
    },
  }
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

function readFlags(args: readonly string[]): {
  readonly values: Readonly<Record<string, string | undefined>>
  readonly positionals: readonly string[]
} {
  const text = { type: 'string' } as const
  const options = { by: text, user: text, since: text, until: text, format: text }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new ConfigurationError([`${describeError(error)}\n${USAGE_USAGE}`])
  }
}
