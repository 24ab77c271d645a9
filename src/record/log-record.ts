import type { CallEnded } from '../kernel/event.ts'
import type { ToolUse } from '../kernel/usage.ts'
import { errorTypeOf, statusOf } from './end-row.ts'
import type {
  ConnectEntry,
  EndEntry,
  Entry,
  GapEntry,
  RequestEntry,
  ResponseEntry,
  ToolEntry,
} from './entry.ts'

/** One line of the structured log before it is text; keys as Coder names them. */
export type LogRecord = Readonly<Record<string, unknown>> & { readonly record_type: string }

/** A row of `interceptions`, as the database gives it. */
type CallRow = Readonly<Record<string, unknown>>

/**
 * What the structured log says of an entry that is durable. The start of a call
 * is told when its request has been read, since model and thread are part of it.
 */
export function logRecords(entry: Entry, row: CallRow | undefined): LogRecord[] {
  switch (entry.type) {
    case 'begin':
    case 'turn':
    // Nobody had begun it, or it was told before.
    case 'retrieval':
      return []
    case 'request':
      return [...startOf(entry.first, row), ...promptOf(entry)]
    case 'response':
      return responseRecords(entry)
    case 'tool':
      return [toolRecord(entry, entry.tool)]
    case 'end':
      return [...startOf(entry.first, row), endRecord(entry)]
    case 'connect':
      return [connectRecord(entry)]
    case 'gap':
      return [gapRecord(entry)]
  }
}

function startOf(first: boolean, row: CallRow | undefined): LogRecord[] {
  if (!first || row === undefined) return []
  return [
    {
      record_type: 'interception_start',
      interception_id: row['id'],
      initiator_id: row['user'],
      api_key_id: row['token_id'],
      provider: row['provider_type'],
      provider_name: row['provider'],
      model: row['model'],
      client: row['client'],
      user_agent: row['user_agent'],
      client_session_id: row['client_session_id'],
      correlating_tool_call_id: row['correlating_tool_call_id'],
      thread_parent_id: row['thread_parent_id'],
      thread_root_id: row['thread_root_id'],
      credential_kind: row['credential_kind'],
      credential_hint: row['credential_hint'],
      billing: row['billing'],
      kind: row['kind'],
      method: row['method'],
      host: row['host'],
      path: row['path'],
      connect_id: row['connect_id'],
      started_at: time(row['started_at']),
      metadata: metadataOf(row),
    },
  ]
}

function metadataOf(row: CallRow): Record<string, unknown> {
  return Object.fromEntries(
    [
      ['agent_firewall_session_id', row['firewall_session']],
      ['agent_firewall_sequence_number', row['firewall_sequence']],
    ].filter(([, value]) => value !== null),
  )
}

function promptOf({ callId, at, facts }: RequestEntry): LogRecord[] {
  if (facts.prompt === null) return []
  return [
    {
      record_type: 'prompt_usage',
      interception_id: callId,
      msg_id: null,
      prompt: facts.prompt,
      created_at: time(at),
      metadata: {},
    },
  ]
}

function responseRecords({ callId, at, facts, costNano }: ResponseEntry): LogRecord[] {
  const common = {
    interception_id: callId,
    msg_id: facts.responseId,
    created_at: time(at),
    metadata: {},
  }
  const { usage } = facts
  const tokens =
    usage === null
      ? []
      : [
          {
            ...common,
            record_type: 'token_usage',
            model: facts.model,
            input_tokens: usage.input,
            output_tokens: usage.output,
            cache_read_input_tokens: usage.cacheRead,
            cache_write_input_tokens: usage.cacheWrite,
            cost_nano_usd: costNano,
            complete: facts.usageNote === null,
            metadata: usage.extra,
          },
        ]
  const tools = facts.tools.map(tool =>
    toolRecord({ callId, at, responseId: facts.responseId }, tool),
  )
  const thoughts = facts.thoughts.map(({ content, source }) => ({
    ...common,
    record_type: 'model_thought',
    content,
    metadata: { source },
  }))
  return [...tokens, ...tools, ...thoughts]
}

function toolRecord(
  { callId, at, responseId }: Pick<ToolEntry, 'callId' | 'at' | 'responseId'>,
  { callId: toolCallId, name, input, serverUrl, invocation }: ToolUse,
): LogRecord {
  return {
    record_type: 'tool_usage',
    interception_id: callId,
    msg_id: responseId,
    tool_call_id: toolCallId,
    tool: name,
    input,
    server_url: serverUrl,
    injected: invocation !== undefined,
    invocation_error: invocation?.error ?? null,
    created_at: time(at),
    metadata: {},
  }
}

function endRecord({ ended, lost }: EndEntry): LogRecord {
  return {
    record_type: 'interception_end',
    interception_id: ended.callId,
    ended_at: time(endOf(ended)),
    status: statusOf(ended),
    reason: ended.reason ?? null,
    error_type: errorTypeOf(ended),
    http_status: ended.status,
    refused_keys: ended.refusedKeys.length,
    bytes_up: ended.bytesUp,
    bytes_down: ended.bytesDown,
    duration_ms: Math.round(ended.durationMs),
    records_lost: lost,
  }
}

function connectRecord({ ended, leftOut }: ConnectEntry): LogRecord {
  return {
    record_type: 'connect',
    connect_id: ended.connectId,
    initiator_id: ended.user ?? null,
    api_key_id: ended.tokenId ?? null,
    peer: ended.peer,
    method: ended.method,
    target: ended.target ?? null,
    outcome: ended.outcome,
    reason: ended.reason ?? null,
    status: ended.status,
    provider_name: ended.provider ?? null,
    bytes_up: ended.bytesUp,
    bytes_down: ended.bytesDown,
    duration_ms: Math.round(ended.durationMs),
    left_out: leftOut,
    started_at: time(ended.at),
    ended_at: time(endOf(ended)),
  }
}

function gapRecord(gap: GapEntry): LogRecord {
  return {
    record_type: 'gap',
    started_at: time(gap.startedAt),
    ended_at: time(gap.endedAt),
    cause: gap.cause,
    calls: gap.calls,
    records: gap.records,
  }
}

function endOf({ at, durationMs }: Pick<CallEnded, 'at' | 'durationMs'>): number {
  return at + Math.max(0, durationMs)
}

function time(ms: unknown): string {
  return new Date(Math.round(Number(ms))).toISOString()
}
