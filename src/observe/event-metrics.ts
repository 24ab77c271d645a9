import {
  type AnswerSeen,
  type CallEnded,
  type ConnectEnded,
  type Event,
  isProviderEvent,
  type PromptSeen,
  type ProviderEvent,
  type ToolInvoked,
} from '../kernel/event.ts'
import { NANO } from '../kernel/money.ts'
import type { Metrics } from './metrics.ts'

/** RFC 9110 9, and PATCH. Node's parser knows more, and clients choose. */
const METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])

/** What one event does to the metrics. */
export function countEvent(event: Event, metrics: Metrics): void {
  if (isProviderEvent(event)) return countProviderEvent(event, metrics)
  switch (event.type) {
    case 'connect_started':
      return metrics.count('connectSessions', { type: event.kind })
    case 'connect_ended':
      return countConnect(event, metrics)
    case 'call_started':
      metrics.count('mitmRequests', { provider: event.provider })
      return shiftInflight(event, metrics, 1)
    case 'call_ended':
      shiftInflight(event, metrics, -1)
      return countCall(event, metrics)
    case 'prompt_seen':
      return metrics.count('prompts', whose(event))
    case 'answer_seen':
      return countAnswer(event, metrics)
    case 'tool_invoked':
      return countInvocation(event, metrics)
    case 'leaf_minted':
      metrics.count('leafMints', {})
      return metrics.observe('leafMintDuration', {}, event.durationMs / 1000)
    case 'leaf_cache_hit':
      return metrics.count('leafCacheHits', {})
    case 'shadow_refusal':
      return metrics.count('shadowRefusals', { reason: event.reason })
    case 'client_error':
      return event.connection === undefined
        ? metrics.count('clientErrors', { reason: event.reason })
        : metrics.count('refusals', { reason: event.reason })
  }
}

function countConnect(event: ConnectEnded, metrics: Metrics): void {
  metrics.count('requests', { outcome: event.outcome })
  if (event.reason !== undefined) metrics.count('refusals', { reason: event.reason })
  if (event.tlsFailure !== undefined) metrics.count('tlsFailures', { code: event.tlsFailure })
  if (event.outcome !== 'tunneled') return
  metrics.count('tunnelBytes', { direction: 'up' }, event.bytesUp)
  metrics.count('tunnelBytes', { direction: 'down' }, event.bytesDown)
}

function shiftInflight(
  event: { readonly provider: string; readonly route: string },
  metrics: Metrics,
  by: number,
): void {
  metrics.shift('mitmInflight', { provider: event.provider }, by)
  metrics.shift('interceptionsInflight', { provider: event.provider, route: event.route }, by)
}

function countCall(event: CallEnded, metrics: Metrics): void {
  const { provider, route } = event
  const method = METHODS.has(event.method) ? event.method : 'other'
  metrics.count('calls', { protocol: event.protocol, outcome: event.outcome })
  metrics.count('mitmResponses', { code: codeLabel(event.status), provider })
  if (event.reason !== undefined) metrics.count('refusals', { reason: event.reason })

  if (event.reason === 'circuit_open')
    metrics.count('circuitRejects', { provider, endpoint: route })

  if (event.kind === 'passthrough') metrics.count('passthrough', { provider, route, method })
  else {
    const whole = event.outcome === 'completed' && event.status < 400
    metrics.count('interceptions', {
      provider,
      status: whole ? 'completed' : 'failed',
      route,
      method,
      initiator_id: event.user,
      client: event.client,
    })
    metrics.observe('interceptionsDuration', { provider }, event.durationMs / 1000)
  }

  if (event.overheadMs !== undefined) metrics.observe('overhead', {}, event.overheadMs / 1000)
  if (event.firstByteMs !== undefined) {
    metrics.observe('firstByte', { provider }, event.firstByteMs / 1000)
  }
}

/** Models are named by others: the number of series is capped, the rest is `other`. */
function whose(event: Pick<AnswerSeen | PromptSeen, 'provider' | 'model' | 'user' | 'client'>) {
  return {
    provider: event.provider,
    model: event.model ?? 'unknown',
    initiator_id: event.user,
    client: event.client,
  }
}

function countAnswer(event: AnswerSeen, metrics: Metrics): void {
  const { usage, tools } = event
  const tokens = {
    input: usage?.input,
    output: usage?.output,
    cache_read_input_tokens: usage?.cacheRead,
    cache_write_input_tokens: usage?.cacheWrite,
    ...usage?.extra,
  }
  for (const [type, count] of Object.entries(tokens)) {
    // How an answer was served is no number of tokens.
    if (typeof count !== 'number' || type.startsWith('tier_')) continue
    metrics.count('tokens', { ...whose(event), type }, count)
  }
  countCost(event, metrics)
  for (const name of tools) {
    metrics.count('toolSelections', {
      provider: event.provider,
      model: event.model ?? 'unknown',
      name,
    })
  }
}

function countCost({ usage, costNano, billing, ...event }: AnswerSeen, metrics: Metrics): void {
  const { provider, model, initiator_id } = whose(event)
  if (costNano !== null) {
    metrics.count('cost', { provider, model, initiator_id }, costNano / NANO)
  } else if (usage !== null && billing === 'metered') {
    metrics.count('unpriced', { provider, model })
  }
}

function countInvocation({ provider, model, server, tool }: ToolInvoked, metrics: Metrics): void {
  metrics.count('toolInvocations', { provider, model: model ?? 'unknown', server, name: tool })
}

function codeLabel(status: number): string {
  return Number.isInteger(status) && status >= 100 && status <= 599 ? String(status) : 'other'
}

/** What an event about a provider does to the counters. */
function countProviderEvent(event: ProviderEvent, metrics: Metrics): void {
  const { provider } = event
  if (event.type === 'circuit_changed' && event.to === 'open') {
    metrics.count('circuitTrips', { provider, endpoint: event.route, scope: event.scope })
  }
  if (event.type === 'key_failover') {
    metrics.count('keyFailovers', { provider, code: codeLabel(event.status) })
  }
}
