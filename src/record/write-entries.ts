import { randomUUID } from 'node:crypto'
import type { CallIntent } from '../kernel/records.ts'
import type { ResponseFacts, ToolUse } from '../kernel/usage.ts'
import { recall, remember, untold } from './background.ts'
import { boundLine, boundName, boundText, wholeNumber } from './bounds.ts'
import { endRow } from './end-row.ts'
import type {
  ConnectEntry,
  Entry,
  RequestEntry,
  ResponseEntry,
  RetrievalEntry,
  TextMode,
  ToolEntry,
} from './entry.ts'
import { errorTypeOfName } from './error-type.ts'
import { admit, admitAgain } from './limits/admit.ts'
import { payAnswer, settleCall } from './limits/settle.ts'
import type { Place, Places } from './places.ts'
import { redact } from './redact.ts'
import { SQL } from './statements.ts'
import { adoptOrphans, joinThread } from './threads.ts'
import { put, type SqlValues, type Work } from './work.ts'

export interface WriteContext {
  readonly places: Places
  /** The process that writes. */
  readonly instance: string
  readonly text: TextMode
  /** Hears of a call whose answer has used up one of its budgets. */
  readonly onExhausted: (callId: string) => void
  /** Hears whose answer it was that has been asked for. */
  readonly onRetrieved: (entry: RetrievalEntry, begunBy: Place) => void
}

/**
 * Writes one entry, inside the transaction of its batch.
 * @returns the entry as it was stored (cut, masked), for the structured log.
 * @throws LimitReached for a call that must not begin
 */
export function* writeEntry(context: WriteContext, entry: Entry): Work<Entry> {
  const { instance } = context
  switch (entry.type) {
    case 'begin':
      yield* admit(entry, instance)
      yield put(SQL.begin, intentRow(entry.intent, instance))
      return entry
    case 'request':
      return yield* writeRequest(context, entry)
    case 'response':
      return yield* writeResponse(context, entry)
    case 'retrieval':
      return yield* writeRetrieval(context, entry)
    case 'tool':
      return yield* writeTool(context, entry)
    case 'turn':
      yield* admitAgain(entry)
      yield put(SQL.turn, { id: entry.callId })
      return entry
    case 'end':
      yield put(SQL.end, endRow(entry, instance))
      if (entry.isCharged) yield* settleCall(entry.ended.callId, entry.isBilled)
      return entry
    case 'connect':
      yield put(SQL.connect, { ...connectRow(entry), instance, position: entry.position })
      return entry
    case 'gap':
      yield put(SQL.gap, {
        instance,
        position: entry.position,
        started_at: Math.round(entry.startedAt),
        ended_at: Math.round(entry.endedAt),
        cause: boundLine(entry.cause),
        calls: entry.calls,
        records: entry.records,
      })
      return entry
  }
}

function intentRow(intent: CallIntent, instance: string): SqlValues {
  return {
    id: intent.callId,
    instance,
    connect_id: intent.connectId,
    user: intent.user,
    token_id: intent.tokenId,
    provider: intent.provider,
    provider_type: intent.providerType,
    host: boundName(intent.host),
    method: boundName(intent.method),
    path: boundLine(intent.path),
    kind: intent.kind,
    client: boundName(intent.client),
    user_agent: intent.userAgent === null ? null : redact(boundLine(intent.userAgent)),
    client_session_id: nameOrNull(intent.sessionId),
    firewall_session: nameOrNull(intent.firewallSession),
    firewall_sequence: nameOrNull(intent.firewallSequence),
    credential_kind: intent.credential,
    credential_hint: nameOrNull(intent.credentialHint),
    billing: intent.billing,
    started_at: Math.round(intent.at),
  }
}

function* writeRequest(context: WriteContext, entry: RequestEntry): Work<RequestEntry> {
  const { places, text } = context
  const place = yield* places.of(entry.callId)
  if (place === undefined) return entry
  const { seq } = place
  const toolCallId = nameOrNull(entry.facts.correlatingToolCallId)
  const facts = {
    ...entry.facts,
    model: nameOrNull(entry.facts.model),
    prompt: text === 'false' ? null : keptText(entry.facts.prompt, text),
    correlatingToolCallId: toolCallId,
    bodySessionId: nameOrNull(entry.facts.bodySessionId),
  }

  yield put(SQL.request, {
    seq,
    model: facts.model,
    streaming: facts.streaming === null ? null : Number(facts.streaming),
    body_session: facts.bodySessionId,
  })
  if (toolCallId !== null) yield* joinThread(place, toolCallId)
  if (facts.prompt !== null) {
    const { position, at } = entry
    yield put(SQL.prompt, { seq, position, id: randomUUID(), prompt: facts.prompt, at })
  }
  return { ...entry, facts }
}

function* writeResponse(context: WriteContext, entry: ResponseEntry): Work<ResponseEntry> {
  const { places, text } = context
  const place = yield* places.of(entry.callId)
  if (place === undefined) return entry
  const { seq } = place
  const facts = keptFacts(entry.facts, text)
  const { responseId, usage, usageNote } = facts

  yield put(SQL.response, {
    seq,
    model: facts.model,
    complete: Number(usageNote === null),
    note: usageNote,
    error_type: facts.errorType,
    error_message: facts.errorMessage,
  })
  if (responseId !== null) yield put(SQL.answerPrompt, { seq, response_id: responseId })

  let position = entry.position
  const common = (): SqlValues => {
    const base = { seq, position, id: randomUUID(), response_id: responseId, at: entry.at }
    position += 1
    return base
  }
  if (usage !== null) {
    yield put(SQL.token, {
      ...common(),
      model: facts.model,
      input: usage.input,
      output: usage.output,
      cache_read: usage.cacheRead,
      cache_write: usage.cacheWrite,
      extra: JSON.stringify(usage.extra),
      cost_nano: entry.costNano,
    })
  }
  for (const tool of facts.tools) {
    yield put(SQL.tool, { ...common(), ...toolRow(tool) })
    if (tool.callId !== null) yield* adoptOrphans(place, tool.callId)
  }
  for (const { content, source } of facts.thoughts) {
    yield put(SQL.thought, { ...common(), content, source })
  }
  const { isExhausted, guesses } = entry.isCharged ? yield* payAnswer(entry) : UNCHARGED
  if (isExhausted) context.onExhausted(entry.callId)
  if (facts.pending === true) yield* remember({ ...entry, facts }, guesses)
  return { ...entry, facts }
}

const UNCHARGED = { isExhausted: false, guesses: [] }

/** An answer to an earlier call; the first who sees its end tells of it. */
function* writeRetrieval(context: WriteContext, entry: RetrievalEntry): Work<Entry> {
  const found = yield* recall(entry)
  const place = found && (yield* context.places.of(found.callId))
  if (found === undefined || place === undefined) return entry
  context.onRetrieved(entry, place)
  return yield* writeResponse(context, yield* untold(place.seq, found))
}

function* writeTool({ places, text }: WriteContext, entry: ToolEntry): Work<ToolEntry> {
  const place = yield* places.of(entry.callId)
  if (place === undefined) return entry
  const { position, at, responseId } = entry
  const tool = keptTool(entry.tool, text)
  const response_id = nameOrNull(responseId)
  const base = { seq: place.seq, position, id: randomUUID(), response_id, at }
  yield put(SQL.tool, { ...base, ...toolRow(tool) })
  return { ...entry, tool }
}

function toolRow({ callId, name, input, serverUrl, invocation }: ToolUse): SqlValues {
  return {
    tool_call_id: callId,
    tool: name,
    input,
    server_url: serverUrl,
    injected: invocation === undefined ? 0 : 1,
    invocation_error: invocation?.error ?? null,
  }
}

/**
 * Without prompts there are no thoughts either, which repeat them; tool calls
 * stay, because they are what was done, with secrets masked.
 */
function keptFacts(facts: ResponseFacts, text: TextMode): ResponseFacts {
  const { usage, errorType } = facts
  return {
    ...facts,
    responseId: nameOrNull(facts.responseId),
    model: nameOrNull(facts.model),
    usage: usage && {
      input: wholeNumber(usage.input),
      output: wholeNumber(usage.output),
      cacheRead: wholeNumber(usage.cacheRead),
      cacheWrite: wholeNumber(usage.cacheWrite),
      extra: usage.extra,
    },
    tools: facts.tools.map(tool => keptTool(tool, text)),
    thoughts:
      text === 'false'
        ? []
        : facts.thoughts.map(thought => ({
            ...thought,
            content: keptText(thought.content, text) ?? '',
          })),
    errorType: errorType === null ? null : errorTypeOfName(errorType),
    // Providers repeat parts of a wrong key in what they say about it.
    errorMessage: facts.errorMessage === null ? null : redact(boundLine(facts.errorMessage)),
  }
}

function keptTool(tool: ToolUse, text: TextMode): ToolUse {
  return {
    callId: nameOrNull(tool.callId),
    name: boundName(tool.name),
    input: keptText(tool.input, text) ?? '',
    serverUrl: tool.serverUrl === null ? null : redact(boundLine(tool.serverUrl)),
    ...(tool.invocation !== undefined && { invocation: keptInvocation(tool.invocation) }),
  }
}

function keptInvocation({ error }: NonNullable<ToolUse['invocation']>): { error: string | null } {
  return { error: error === null ? null : redact(boundLine(error)) }
}

function keptText(text: string | null, mode: TextMode): string | null {
  if (text === null) return null
  const bounded = boundText(text)
  return mode === 'true' ? bounded : redact(bounded)
}

function connectRow({ ended, leftOut }: ConnectEntry): SqlValues {
  return {
    id: ended.connectId,
    started_at: Math.round(ended.at),
    duration_ms: Math.max(0, Math.round(ended.durationMs)),
    peer: ended.peer,
    method: boundName(ended.method),
    target: nameOrNull(ended.target ?? null),
    user: ended.user ?? null,
    token_id: ended.tokenId ?? null,
    outcome: ended.outcome,
    reason: ended.reason ?? null,
    status: ended.status,
    provider: ended.provider ?? null,
    route: ended.route ?? null,
    address: ended.address ?? null,
    bytes_up: ended.bytesUp,
    bytes_down: ended.bytesDown,
    calls: ended.calls ?? null,
    tls_failure: ended.tlsFailure ?? null,
    detail: ended.detail === undefined ? null : redact(boundLine(ended.detail)),
    left_out: leftOut,
  }
}

function nameOrNull(text: string | null): string | null {
  return text === null || text === '' ? null : boundName(text)
}
