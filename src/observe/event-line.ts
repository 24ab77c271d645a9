import {
  type CallEnded,
  type ClientError,
  type ConnectEnded,
  type Event,
  isProviderEvent,
  type ProviderEvent,
} from '../kernel/event.ts'
import type { Reason } from '../kernel/reasons.ts'
import { REASONS } from '../kernel/reasons.ts'

/** A log line before it is one. The message is static; all that varies is a field. */
export interface EventLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Set on lines that a flood of bad requests can cause. */
  readonly floodKey: Reason | undefined
}

/** One line for each connection and each call that ended; most other events have none. */
export function lineOf(event: Event): EventLine | undefined {
  if (isProviderEvent(event)) return providerLine(event)
  switch (event.type) {
    case 'connect_ended':
      return connectLine(event)
    case 'call_ended':
      return callLine(event)
    case 'client_error':
      return clientErrorLine(event)
    case 'shadow_refusal':
      return {
        level: 'warn',
        message: 'a rule on trial would refuse this',
        fields: {
          connect_id: event.connectId,
          call_id: event.callId,
          user: event.user,
          subject: event.subject,
          reason: event.reason,
          rule: event.rule,
        },
        floodKey: event.reason,
      }
    case 'leaf_minted':
      return {
        level: 'debug',
        message: 'leaf minted',
        fields: {
          host: event.host,
          duration_ms: round(event.durationMs),
          expires_at: new Date(event.expiresAt),
        },
        floodKey: undefined,
      }
    case 'connect_started':
    case 'call_started':
    case 'leaf_cache_hit':
    case 'prompt_seen':
    case 'answer_seen':
    case 'tool_invoked':
      return undefined
  }
}

/** What went wrong with a provider, or came right. */
function providerLine(event: ProviderEvent): EventLine {
  const { type, provider } = event
  const line = (level: EventLine['level'], message: string, fields: EventLine['fields']) => ({
    level,
    message,
    fields: { provider, ...fields },
    floodKey: undefined,
  })
  switch (type) {
    case 'circuit_changed':
      return line(event.to === 'open' ? 'error' : 'info', 'circuit breaker state change', {
        endpoint: event.route,
        scope: event.scope,
        user: event.user,
        from: event.from,
        to: event.to,
      })
    case 'key_changed':
      return line(event.to === 'out' ? 'error' : 'info', 'provider key state change', {
        credential_hint: event.credentialHint,
        from: event.from,
        to: event.to,
      })
    case 'key_failover':
      return line('info', 'another key takes over', {
        call_id: event.callId,
        user: event.user,
        credential_hint: event.credentialHint,
        status: event.status,
        duration_ms: round(event.durationMs),
      })
  }
}

const CONNECT_MESSAGES = {
  tunneled: 'tunnel ended',
  mitm: 'intercepted connection ended',
  forwarded: 'request forwarded',
  refused: 'request refused',
  failed: 'request failed',
} as const satisfies Record<ConnectEnded['outcome'], string>

const CALL_MESSAGES = {
  completed: 'call completed',
  aborted: 'call aborted',
  failed: 'call failed',
  refused: 'call refused',
} as const satisfies Record<CallEnded['outcome'], string>

function connectLine(event: ConnectEnded): EventLine {
  return {
    level: levelOf(event.reason, event.outcome),
    message: CONNECT_MESSAGES[event.outcome],
    fields: {
      connect_id: event.connectId,
      started_at: new Date(event.at),
      duration_ms: round(event.durationMs),
      peer: event.peer,
      method: event.method,
      target: event.target,
      user: event.user,
      token_id: event.tokenId,
      outcome: event.outcome,
      reason: event.reason,
      status: event.status,
      provider: event.provider,
      route: event.route,
      address: event.address,
      bytes_up: event.bytesUp,
      bytes_down: event.bytesDown,
      calls: event.calls,
      tls_failure: event.tlsFailure,
      detail: event.detail,
    },
    floodKey: event.reason,
  }
}

function callLine(event: CallEnded): EventLine {
  return {
    level: levelOf(event.reason, event.outcome),
    message: CALL_MESSAGES[event.outcome],
    fields: {
      call_id: event.callId,
      connect_id: event.connectId,
      started_at: new Date(event.at),
      duration_ms: round(event.durationMs),
      user: event.user,
      token_id: event.tokenId,
      provider: event.provider,
      provider_type: event.providerType,
      host: event.host,
      method: event.method,
      path: event.path,
      kind: event.kind,
      protocol: event.protocol,
      route: event.route,
      client: event.client,
      credential: event.credential,
      credential_hint: event.credentialHint,
      refused_keys: event.refusedKeys.length === 0 ? undefined : event.refusedKeys.length,
      billing: event.billing,
      status: event.status,
      outcome: event.outcome,
      reason: event.reason,
      bytes_up: event.bytesUp,
      bytes_down: event.bytesDown,
      first_byte_ms: round(event.firstByteMs),
      overhead_ms: round(event.overheadMs),
      detail: event.detail,
    },
    floodKey: event.reason,
  }
}

function clientErrorLine(event: ClientError): EventLine {
  return {
    level: REASONS[event.reason].level,
    message: event.connection === undefined ? 'client error' : 'request refused',
    fields: {
      peer: event.peer,
      connect_id: event.connection?.connectId,
      user: event.connection?.user,
      token_id: event.connection?.tokenId,
      host: event.connection?.host,
      reason: event.reason,
      detail: event.detail,
    },
    floodKey: event.reason,
  }
}

function levelOf(reason: Reason | undefined, outcome: string): EventLine['level'] {
  if (reason !== undefined) return REASONS[reason].level
  return outcome === 'failed' ? 'warn' : 'info'
}

/** Microseconds are noise. */
function round(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100
}
