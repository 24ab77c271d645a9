import { formatDollars, type NanoDollars } from '../../kernel/money.ts'
import type { CallRecord } from '../../kernel/records.ts'
import { hintOf, iso, isoOrNull, sumOf } from './call-json.ts'
import { costOfCalls } from './cost.ts'

type Cell = string | number | boolean | null

/** One line for each call; prompts and arguments are for the other formats. */
const COLUMNS: readonly (readonly [name: string, cell: (call: CallRecord) => Cell])[] = [
  ['id', call => call.id],
  ['started_at', call => iso(call.startedAt)],
  ['ended_at', call => isoOrNull(call.endedAt)],
  ['user', call => call.user],
  ['api_key_id', call => call.tokenId],
  ['provider', call => call.providerType],
  ['provider_name', call => call.provider],
  ['model', call => call.model],
  ['client', call => call.client],
  ['session_id', call => call.sessionId],
  ['status', call => call.status],
  ['http_status', call => call.httpStatus],
  ['error_type', call => call.errorType],
  ['kind', call => call.kind],
  ['method', call => call.method],
  ['host', call => call.host],
  ['path', call => call.path],
  ['input_tokens', call => sumOf(call.tokens, 'input')],
  ['output_tokens', call => sumOf(call.tokens, 'output')],
  ['cache_read_input_tokens', call => sumOf(call.tokens, 'cacheRead')],
  ['cache_write_input_tokens', call => sumOf(call.tokens, 'cacheWrite')],
  ['cost_usd', call => dollarsOf(costOfCalls([call]).costNano)],
  ['usage_complete', call => call.usageComplete],
  ['tool_calls', call => call.tools.length],
  ['bytes_up', call => call.bytesUp],
  ['bytes_down', call => call.bytesDown],
  ['duration_ms', call => call.durationMs],
  ['credential_kind', call => call.credential],
  ['credential_hint', call => hintOf(call.credentialHint)],
  ['billing', call => call.billing],
]

export const CSV_HEAD = `${COLUMNS.map(([name]) => name).join(',')}\r\n`

export function callCsv(call: CallRecord): string {
  return `${COLUMNS.map(([, cell]) => csvCell(cell(call))).join(',')}\r\n`
}

/**
 * RFC 4180. SECURITY: clients choose models, paths and agents, and a spreadsheet
 * takes a cell that begins like this for a formula.
 */
export function csvCell(value: Cell): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Exactly, and nothing for what is not known. */
export function dollarsOf(cost: NanoDollars | null): string | null {
  return cost === null ? null : formatDollars(cost)
}
