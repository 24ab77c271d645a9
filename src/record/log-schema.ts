/*
 * The published shape of the structured log, one entry for each record type.
 * A test holds real lines against it.
 */

export interface FieldSchema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly const?: string
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly description?: string
  readonly additionalProperties?: FieldSchema | boolean
}

export interface RecordSchema {
  readonly type: 'object'
  readonly description: string
  readonly properties: Readonly<Record<string, FieldSchema>>
  readonly required: readonly string[]
  readonly additionalProperties: false
}

const TEXT: FieldSchema = { type: 'string' }
const TEXT_OR_NULL: FieldSchema = { type: ['string', 'null'] }
const TIME: FieldSchema = { type: 'string', format: 'date-time' }
const COUNT: FieldSchema = { type: 'integer' }
const COUNT_OR_NULL: FieldSchema = {
  type: ['integer', 'null'],
  description: 'Null when the provider did not say.',
}
const METADATA: FieldSchema = { type: 'object', additionalProperties: true }
const HASH: FieldSchema = { type: 'string', pattern: '^[0-9a-f]{64}$' }

/** On every line. */
const FRAME: Readonly<Record<string, FieldSchema>> = {
  level: { const: 'info' },
  time: TIME,
  msg: { const: 'interception log' },
}

/** On lines of a chain. */
const CHAIN: Readonly<Record<string, FieldSchema>> = {
  chain: TEXT,
  position: COUNT,
  prev_hash: HASH,
  hash: { ...HASH, description: 'SHA-256 of the line as it is without this field.' },
}

const DETAIL = { interception_id: TEXT, msg_id: TEXT_OR_NULL, created_at: TIME, metadata: METADATA }

const RECORDS: Readonly<
  Record<string, { readonly about: string; readonly fields: Readonly<Record<string, FieldSchema>> }>
> = {
  interception_start: {
    about: 'A call, told when its request has been read.',
    fields: {
      interception_id: TEXT,
      initiator_id: { type: 'string', description: 'The name of the user.' },
      api_key_id: { type: 'string', description: "The id of the caller's token." },
      provider: { type: 'string', description: 'The type of the provider.' },
      provider_name: TEXT,
      model: TEXT_OR_NULL,
      client: TEXT,
      user_agent: TEXT_OR_NULL,
      client_session_id: TEXT_OR_NULL,
      correlating_tool_call_id: TEXT_OR_NULL,
      thread_parent_id: TEXT_OR_NULL,
      thread_root_id: TEXT_OR_NULL,
      credential_kind: { enum: ['centralized', 'byok', 'none'] },
      credential_hint: TEXT_OR_NULL,
      billing: {
        type: ['string', 'null'],
        description: '`metered` by tokens, `subscription`, or null without a credential.',
      },
      kind: { enum: ['bridged', 'passthrough', 'websocket'] },
      method: TEXT,
      host: TEXT,
      path: TEXT,
      connect_id: TEXT_OR_NULL,
      started_at: TIME,
      metadata: METADATA,
    },
  },
  interception_end: {
    about: 'The end of a call.',
    fields: {
      interception_id: TEXT,
      ended_at: TIME,
      status: { enum: ['completed', 'failed', 'aborted'] },
      reason: TEXT_OR_NULL,
      error_type: TEXT_OR_NULL,
      http_status: COUNT,
      refused_keys: {
        type: 'integer',
        description: 'Central keys that were tried before the one of the answer.',
      },
      bytes_up: COUNT,
      bytes_down: COUNT,
      duration_ms: COUNT,
      records_lost: COUNT,
    },
  },
  token_usage: {
    about: 'The numbers of one answer.',
    fields: {
      ...DETAIL,
      model: TEXT_OR_NULL,
      input_tokens: COUNT_OR_NULL,
      output_tokens: COUNT_OR_NULL,
      cache_read_input_tokens: COUNT_OR_NULL,
      cache_write_input_tokens: COUNT_OR_NULL,
      cost_nano_usd: {
        type: ['integer', 'null'],
        description: 'Billionths of a dollar; null without a price or with a subscription.',
      },
      complete: { type: 'boolean', description: "Whether they are the provider's final word." },
    },
  },
  prompt_usage: {
    about: 'The last message of the user in a request.',
    fields: { ...DETAIL, prompt: TEXT },
  },
  tool_usage: {
    about: 'A tool call that the model asked for.',
    fields: {
      ...DETAIL,
      tool_call_id: TEXT_OR_NULL,
      tool: TEXT,
      input: TEXT,
      server_url: TEXT_OR_NULL,
      injected: { type: 'boolean' },
      invocation_error: TEXT_OR_NULL,
    },
  },
  model_thought: {
    about: 'Reasoning that the model showed.',
    fields: { ...DETAIL, content: TEXT },
  },
  connect: {
    about: 'The end of a CONNECT or of a plain request, let through or refused.',
    fields: {
      connect_id: TEXT,
      initiator_id: TEXT_OR_NULL,
      api_key_id: TEXT_OR_NULL,
      peer: TEXT,
      method: TEXT,
      target: TEXT_OR_NULL,
      outcome: { enum: ['tunneled', 'mitm', 'forwarded', 'refused', 'failed'] },
      reason: TEXT_OR_NULL,
      status: COUNT,
      provider_name: TEXT_OR_NULL,
      bytes_up: COUNT,
      bytes_down: COUNT,
      duration_ms: COUNT,
      left_out: {
        ...COUNT,
        description: 'More like it, of the same caller and within a minute, that have no line.',
      },
      started_at: TIME,
      ended_at: TIME,
    },
  },
  gap: {
    about: 'A time in which calls or records are missing from the books.',
    fields: { started_at: TIME, ended_at: TIME, cause: TEXT, calls: COUNT, records: COUNT },
  },
}

/** JSON Schema 2020-12 of one line. */
export const LOG_SCHEMA: {
  readonly oneOf: readonly RecordSchema[]
  readonly [key: string]: unknown
} = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Structured log of aibridgeproxyd',
  description: 'One line of the structured log is one JSON object of one of these shapes.',
  oneOf: Object.entries(RECORDS).map(([name, { about, fields }]) => ({
    type: 'object',
    description: about,
    properties: { ...FRAME, record_type: { const: name }, ...fields, ...CHAIN },
    required: [...Object.keys(FRAME), 'record_type', ...Object.keys(fields)],
    additionalProperties: false,
  })),
}

/** `docs/schema/structured-log.schema.json`. */
export function logSchemaJson(): string {
  return `${JSON.stringify(LOG_SCHEMA, undefined, 2)}\n`
}
