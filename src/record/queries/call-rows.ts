import type { Billing } from '../../kernel/price.ts'
import type { CredentialKind } from '../../kernel/provider.ts'
import type {
  CallRecord,
  PromptRecord,
  ThoughtRecord,
  TokenRecord,
  ToolRecord,
} from '../../kernel/records.ts'
import { ask, type Dialect, type Row, type Work } from '../work.ts'
import { mergeExtra, parseExtra } from './extra.ts'

interface Details {
  readonly tokens: TokenRecord[]
  readonly prompts: PromptRecord[]
  readonly tools: ToolRecord[]
  readonly thoughts: ThoughtRecord[]
}

type AddDetail = (to: Details, row: Row, callId: string) => void

const DETAILS: readonly (readonly [table: string, add: AddDetail])[] = [
  ['token_usages', (to, row, id) => to.tokens.push(tokenOf(row, id))],
  [
    'user_prompts',
    (to, row, id) => to.prompts.push({ ...detailOf(row, id), prompt: String(row['prompt']) }),
  ],
  ['tool_usages', (to, row, id) => to.tools.push(toolOf(row, id))],
  ['model_thoughts', (to, row, id) => to.thoughts.push(thoughtOf(row, id))],
]

/** Rows of `interceptions`, in their order, with what belongs to each. */
export function* withDetails(dialect: Dialect, rows: readonly Row[]): Work<CallRecord[]> {
  const details = new Map<number, Details>(
    rows.map(row => [Number(row['seq']), { tokens: [], prompts: [], tools: [], thoughts: [] }]),
  )
  const ids = new Map(rows.map(row => [Number(row['seq']), String(row['id'])]))
  const chosen = JSON.stringify([...details.keys()])
  for (const [table, add] of DETAILS) {
    const among = dialect.among('interception', ':chosen')
    const found = yield ask(
      `SELECT * FROM ${table} WHERE ${among} ORDER BY interception, position`,
      { chosen },
    )
    for (const row of found.rows) {
      const seq = Number(row['interception'])
      const target = details.get(seq)
      if (target !== undefined) add(target, row, ids.get(seq) ?? '')
    }
  }
  return rows.map(row => ({
    ...callOf(row),
    ...(details.get(Number(row['seq'])) ?? { tokens: [], prompts: [], tools: [], thoughts: [] }),
  }))
}

type Bare = Omit<CallRecord, keyof Details>

function callOf(row: Row): Bare {
  return {
    seq: Number(row['seq']),
    id: String(row['id']),
    connectId: text(row['connect_id']),
    user: String(row['user']),
    tokenId: String(row['token_id']),
    provider: String(row['provider']),
    providerType: String(row['provider_type']),
    host: String(row['host']),
    method: String(row['method']),
    path: String(row['path']),
    kind: kindOf(row['kind']),
    model: text(row['model']),
    streaming: flag(row['streaming']),
    client: String(row['client']),
    userAgent: text(row['user_agent']),
    clientSessionId: text(row['client_session_id']),
    sessionId: String(row['session_id']),
    correlatingToolCallId: text(row['correlating_tool_call_id']),
    threadParentId: text(row['thread_parent_id']),
    threadRootId: text(row['thread_root_id']),
    credential: credentialOf(row['credential_kind']),
    credentialHint: text(row['credential_hint']),
    refusedKeys: refusedKeysOf(row['refused_keys']),
    billing: billingOf(row['billing']),
    firewallSession: text(row['firewall_session']),
    firewallSequence: text(row['firewall_sequence']),
    ...outcomeOf(row),
  }
}

type Outcome = Pick<
  Bare,
  | 'status'
  | 'reason'
  | 'errorType'
  | 'errorMessage'
  | 'httpStatus'
  | 'usageComplete'
  | 'usageNote'
  | 'bytesUp'
  | 'bytesDown'
  | 'firstByteMs'
  | 'durationMs'
  | 'recordsLost'
  | 'startedAt'
  | 'endedAt'
>

function outcomeOf(row: Row): Outcome {
  return {
    status: statusOf(row['status']),
    reason: text(row['reason']),
    errorType: text(row['error_type']),
    errorMessage: text(row['error_message']),
    httpStatus: numeric(row['http_status']),
    usageComplete: flag(row['usage_complete']),
    usageNote: text(row['usage_note']),
    bytesUp: numeric(row['bytes_up']),
    bytesDown: numeric(row['bytes_down']),
    firstByteMs: numeric(row['first_byte_ms']),
    durationMs: numeric(row['duration_ms']),
    recordsLost: Number(row['records_lost']),
    startedAt: Number(row['started_at']),
    endedAt: numeric(row['ended_at']),
  }
}

function detailOf(
  row: Row,
  callId: string,
): Pick<TokenRecord, 'id' | 'callId' | 'responseId' | 'createdAt'> {
  return {
    id: String(row['id']),
    callId,
    responseId: text(row['response_id']),
    createdAt: Number(row['created_at']),
  }
}

function tokenOf(row: Row, callId: string): TokenRecord {
  return {
    ...detailOf(row, callId),
    model: text(row['model']),
    input: numeric(row['input']),
    output: numeric(row['output']),
    cacheRead: numeric(row['cache_read']),
    cacheWrite: numeric(row['cache_write']),
    extra: mergeExtra([parseExtra(row['extra'])]),
    costNano: numeric(row['cost_nano']),
  }
}

function toolOf(row: Row, callId: string): ToolRecord {
  return {
    ...detailOf(row, callId),
    toolCallId: text(row['tool_call_id']),
    tool: String(row['tool']),
    input: String(row['input']),
    serverUrl: text(row['server_url']),
    injected: row['injected'] === 1,
    invocationError: text(row['invocation_error']),
  }
}

function thoughtOf(row: Row, callId: string): ThoughtRecord {
  const { content, source } = { content: String(row['content']), source: String(row['source']) }
  return { ...detailOf(row, callId), content, source }
}

function refusedKeysOf(value: unknown): Bare['refusedKeys'] {
  const list: unknown = JSON.parse(String(value))
  if (!Array.isArray(list)) return []
  return list.map((one: Row) => ({
    credentialHint: String(one['credential_hint']),
    status: Number(one['http_status']),
    durationMs: Number(one['duration_ms']),
  }))
}

function kindOf(value: unknown): Bare['kind'] {
  return value === 'passthrough' || value === 'websocket' ? value : 'bridged'
}

function credentialOf(value: unknown): CredentialKind {
  return value === 'centralized' || value === 'byok' ? value : 'none'
}

function billingOf(value: unknown): Billing | null {
  return value === 'metered' || value === 'subscription' ? value : null
}

function statusOf(value: unknown): Bare['status'] {
  switch (value) {
    case 'completed':
    case 'failed':
    case 'aborted':
    case 'interrupted':
      return value
    default:
      return 'in_progress'
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function numeric(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function flag(value: unknown): boolean | null {
  return typeof value === 'number' ? value === 1 : null
}
