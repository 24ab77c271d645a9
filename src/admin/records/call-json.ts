import type { CallRecord, TokenSums } from '../../kernel/records.ts'
import { userId } from '../../kernel/user.ts'
import { costJson, costOfCalls } from './cost.ts'

type Json = Readonly<Record<string, unknown>>

/** One call in Coder's shape, and after it what we know beyond that. */
export function callJson(call: CallRecord): Json {
  return {
    id: call.id,
    api_key_id: call.tokenId,
    initiator: initiatorJson(call.user),
    provider: call.providerType,
    provider_name: call.provider,
    model: call.model,
    client: call.client,
    metadata: metadataOf(call),
    started_at: iso(call.startedAt),
    ended_at: isoOrNull(call.endedAt),
    token_usages: call.tokens.map(token => ({
      ...detail(token),
      model: token.model,
      input_tokens: token.input,
      output_tokens: token.output,
      cache_read_input_tokens: token.cacheRead,
      cache_write_input_tokens: token.cacheWrite,
      cost_nano_usd: token.costNano,
      metadata: token.extra,
      created_at: iso(token.createdAt),
    })),
    user_prompts: call.prompts.map(prompt => ({
      ...detail(prompt),
      prompt: prompt.prompt,
      metadata: {},
      created_at: iso(prompt.createdAt),
    })),
    tool_usages: call.tools.map(toolJson),
    model_thoughts: call.thoughts.map(thought => ({
      ...detail(thought),
      content: thought.content,
      metadata: { source: thought.source },
      created_at: iso(thought.createdAt),
    })),
    ...ownFields(call),
  }
}

function ownFields(call: CallRecord): Json {
  return {
    status: call.status,
    reason: call.reason,
    error_type: call.errorType,
    error_message: call.errorMessage,
    http_status: call.httpStatus,
    usage_complete: call.usageComplete,
    usage_note: call.usageNote,
    kind: call.kind,
    method: call.method,
    host: call.host,
    path: call.path,
    streaming: call.streaming,
    session_id: call.sessionId,
    client_session_id: call.clientSessionId,
    correlating_tool_call_id: call.correlatingToolCallId,
    thread_parent_id: call.threadParentId,
    thread_root_id: call.threadRootId,
    credential_kind: call.credential,
    credential_hint: hintOf(call.credentialHint),
    refused_keys: call.refusedKeys.map(({ credentialHint, status, durationMs }) => ({
      credential_hint: credentialHint,
      http_status: status,
      duration_ms: durationMs,
    })),
    billing: call.billing,
    ...costJson(costOfCalls([call])),
    connect_id: call.connectId,
    bytes_up: call.bytesUp,
    bytes_down: call.bytesDown,
    first_byte_ms: call.firstByteMs,
    duration_ms: call.durationMs,
    records_lost: call.recordsLost,
  }
}

export function toolJson(tool: CallRecord['tools'][number]): Json {
  return {
    ...detail(tool),
    tool_call_id: tool.toolCallId,
    server_url: tool.serverUrl ?? '',
    tool: tool.tool,
    input: tool.input,
    injected: tool.injected,
    invocation_error: tool.invocationError ?? '',
    metadata: {},
    created_at: iso(tool.createdAt),
  }
}

/** Users are names here; Coder's clients want an id beside it. */
export function initiatorJson(user: string): Json {
  return { id: userId(user), username: user, name: '', avatar_url: '' }
}

/** The sum of one counter; null where none of the answers has it. */
export function sumOf(
  tokens: CallRecord['tokens'],
  field: 'input' | 'output' | 'cacheRead' | 'cacheWrite',
): number | null {
  const known = tokens.map(token => token[field]).filter(value => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

export function tokensJson(sums: TokenSums): Json {
  return {
    input_tokens: sums.input,
    output_tokens: sums.output,
    cache_read_input_tokens: sums.cacheRead,
    cache_write_input_tokens: sums.cacheWrite,
    ...costJson(sums),
  }
}

/** SECURITY: whatever got into the column, no more than a masked key leaves it. */
export function hintOf(hint: string | null): string {
  if (hint === null || hint === '') return ''
  return hint.includes('...') && hint.length <= 15 ? hint : '...'
}

export function iso(time: number): string {
  return new Date(time).toISOString()
}

export function isoOrNull(time: number | null): string | null {
  return time === null ? null : iso(time)
}

function metadataOf(call: CallRecord): Json {
  const fields = [
    ['request_user_agent', call.userAgent],
    ['agent_firewall_session_id', call.firewallSession],
    ['agent_firewall_sequence_number', call.firewallSequence],
  ]
  return Object.fromEntries(fields.filter(([, value]) => value !== null))
}

function detail(record: {
  readonly id: string
  readonly callId: string
  readonly responseId: string | null
}): Json {
  return {
    id: record.id,
    interception_id: record.callId,
    provider_response_id: record.responseId ?? '',
  }
}
