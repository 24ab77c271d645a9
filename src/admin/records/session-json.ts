import type { CallRecord, SessionRecord, ThreadRecord } from '../../kernel/records.ts'
import { hintOf, initiatorJson, iso, isoOrNull, sumOf, tokensJson, toolJson } from './call-json.ts'
import { costOfCalls } from './cost.ts'

type Json = Readonly<Record<string, unknown>>

/** One line of the list of sessions. */
export function sessionJson(session: SessionRecord): Json {
  return {
    ...headJson(session),
    last_active_at: iso(session.lastActiveAt),
    threads: session.threads,
    calls: session.calls,
    token_usage_summary: tokensJson(session.tokens),
    last_prompt: session.lastPrompt,
  }
}

/** A session with one page of its threads. */
export function sessionDetailJson(session: SessionRecord, threads: readonly ThreadRecord[]): Json {
  const calls = threads.flatMap(thread => thread.calls)
  return {
    ...headJson(session),
    page_started_at: isoOrNull(earliest(calls)),
    page_ended_at: isoOrNull(latest(calls)),
    token_usage_summary: { ...tokensJson(session.tokens), metadata: session.tokens.extra },
    threads: threads.map(threadJson),
  }
}

function headJson(session: SessionRecord): Json {
  return {
    id: session.id,
    initiator: initiatorJson(session.user),
    providers: session.providers,
    models: session.models,
    client: session.client,
    metadata: {},
    started_at: iso(session.startedAt),
    ended_at: isoOrNull(session.endedAt),
  }
}

/** A thread has at least the call that began it. */
function threadJson({ id, calls }: ThreadRecord): Json {
  const [first] = calls
  const failed = calls.findLast(call => call.errorType !== null)
  return {
    id,
    prompt: calls.flatMap(call => call.prompts)[0]?.prompt ?? null,
    ...(first !== undefined && {
      model: first.model,
      provider: first.providerType,
      credential_kind: first.credential,
      credential_hint: hintOf(first.credentialHint),
    }),
    started_at: isoOrNull(earliest(calls)),
    ended_at: isoOrNull(latest(calls)),
    token_usage: tokenUsage(calls),
    agentic_actions: calls
      .filter(call => call.tools.length + call.thoughts.length > 0)
      .map(actionJson),
    error_type: failed?.errorType ?? null,
    error_message: failed?.errorMessage ?? null,
  }
}

function actionJson(call: CallRecord): Json {
  return {
    model: call.model,
    token_usage: tokenUsage([call]),
    thinking: call.thoughts.map(({ content, source }) => ({ text: content, source })),
    tool_calls: call.tools.map(toolJson),
  }
}

function tokenUsage(calls: readonly CallRecord[]): Json {
  const tokens = calls.flatMap(call => call.tokens)
  const extra = new Map<string, number>()
  for (const token of tokens) {
    for (const [key, value] of Object.entries(token.extra)) {
      extra.set(key, (extra.get(key) ?? 0) + value)
    }
  }
  return {
    ...tokensJson({
      input: sumOf(tokens, 'input'),
      output: sumOf(tokens, 'output'),
      cacheRead: sumOf(tokens, 'cacheRead'),
      cacheWrite: sumOf(tokens, 'cacheWrite'),
      extra: {},
      ...costOfCalls(calls),
    }),
    metadata: Object.fromEntries(extra),
  }
}

function earliest(calls: readonly CallRecord[]): number | null {
  return calls.length === 0 ? null : Math.min(...calls.map(call => call.startedAt))
}

function latest(calls: readonly CallRecord[]): number | null {
  const ends = calls.map(call => call.endedAt).filter(value => value !== null)
  return ends.length === 0 ? null : Math.max(...ends)
}
