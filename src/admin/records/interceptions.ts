import type { AskRecords, CallRecord, RecordFilter } from '../../kernel/records.ts'
import { respondJson, respondStream } from '../respond.ts'
import { type Asking, askingRecords, visibleFilter } from './asking.ts'
import { BadRequest } from './bad-request.ts'
import { callJson } from './call-json.ts'
import { CSV_HEAD, callCsv } from './csv.ts'
import { parsePage } from './page.ts'
import { parseSearch } from './search.ts'

const SEARCH = { message: 'Invalid workspace search query.' }

/** Calls that are held in memory at a time while a long answer is made. */
const STEP = 100

type Format = 'json' | 'ndjson' | 'csv'

const TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
}

/** `GET …/interceptions`: one page as JSON, or all of them when a table is asked for. */
export const listInterceptions = askingRecords(async asking => {
  const format = acceptedFormat(asking.exchange.request.headers.accept ?? '')
  if (format !== 'json') return exportAs(asking, format)

  const { query, ask, exchange } = asking
  const page = parsePage(query, 'after_id')
  const filter = await visibleFilter(asking, parseSearch(query.get('q') ?? '', SEARCH))
  const before = page.after === null ? null : await cursorOf(asking, page.after)
  if (filter === undefined) {
    return respondJson(exchange.response, 200, { count: 0, results: [] })
  }
  const count = await ask('countCalls', filter)
  const calls = walk(ask, { filter, before, offset: page.offset, limit: page.limit })
  await respondStream(exchange.response, TYPES.json, listBody(count, calls))
})

/** `GET …/interceptions/export?format=ndjson|csv`: everything that fits the search. */
export const exportInterceptions = askingRecords(async asking => {
  const wanted = asking.query.get('format')
  const accepted = acceptedFormat(asking.exchange.request.headers.accept ?? '')
  const format = wanted ?? (accepted === 'json' ? 'ndjson' : accepted)
  if (format === 'jsonl' || format === 'ndjson') return exportAs(asking, 'ndjson')
  if (format === 'csv') return exportAs(asking, 'csv')
  throw new BadRequest('Query parameters have invalid values.', {
    validations: [{ field: 'format', detail: 'Query param "format" must be ndjson or csv' }],
  })
})

async function exportAs(asking: Asking, format: 'ndjson' | 'csv'): Promise<void> {
  const { query, ask, exchange } = asking
  const filter = await visibleFilter(asking, parseSearch(query.get('q') ?? '', SEARCH))
  const range = { before: null, offset: 0, limit: Number.POSITIVE_INFINITY }
  const calls = filter === undefined ? nothing() : walk(ask, { filter, ...range })
  const body = format === 'csv' ? csvBody(calls) : ndjsonBody(calls)
  const name = `interceptions.${format}`
  await respondStream(exchange.response, TYPES[format], body, {
    'Content-Disposition': `attachment; filename="${name}"`,
  })
}

/** Newest first, a step at a time: what a slow client does not read is not asked for. */
async function* walk(
  ask: AskRecords,
  range: {
    readonly filter: RecordFilter
    readonly before: number | null
    readonly offset: number
    readonly limit: number
  },
): AsyncGenerator<readonly CallRecord[]> {
  let { before, offset, limit } = range
  while (limit > 0) {
    const step = Math.min(limit, STEP)
    const answer = await ask('calls', { filter: range.filter, before, offset, limit: step })
    yield answer.calls
    if (!answer.more) return
    limit -= answer.calls.length
    before = answer.calls.at(-1)?.seq ?? 0
    offset = 0
  }
}

async function* nothing(): AsyncGenerator<readonly CallRecord[]> {
  // A search that nothing can fit.
}

async function* listBody(
  count: number,
  steps: AsyncIterable<readonly CallRecord[]>,
): AsyncGenerator<string> {
  let separator = ''
  let text = `{"count":${count},"results":[`
  for await (const calls of steps) {
    for (const call of calls) {
      text += `${separator}${JSON.stringify(callJson(call))}`
      separator = ','
    }
    yield text
    text = ''
  }
  yield `${text}]}\n`
}

async function* ndjsonBody(steps: AsyncIterable<readonly CallRecord[]>): AsyncGenerator<string> {
  for await (const calls of steps) {
    yield calls.map(call => `${JSON.stringify(callJson(call))}\n`).join('')
  }
}

async function* csvBody(steps: AsyncIterable<readonly CallRecord[]>): AsyncGenerator<string> {
  yield CSV_HEAD
  for await (const calls of steps) yield calls.map(callCsv).join('')
}

async function cursorOf({ ask, visibleUser }: Asking, id: string): Promise<number> {
  const seq = await ask('findCall', { id, user: visibleUser })
  if (seq === null) throw new BadRequest('Invalid pagination cursor.')
  return seq
}

function acceptedFormat(accept: string): Format {
  if (/application\/(?:x-ndjson|jsonl)/i.test(accept)) return 'ndjson'
  return /text\/csv/i.test(accept) ? 'csv' : 'json'
}
