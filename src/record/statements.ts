const BEGIN = `
  INSERT INTO interceptions (
    id, instance, connect_id, "user", token_id, provider, provider_type, host, method, path, kind,
    client, user_agent, client_session_id, session_id, firewall_session, firewall_sequence,
    credential_kind, credential_hint, billing, status, started_at)
  VALUES (
    :id, :instance, :connect_id, :user, :token_id, :provider, :provider_type, :host, :method,
    :path, :kind, :client, :user_agent, :client_session_id, coalesce(:client_session_id, :id),
    :firewall_session, :firewall_sequence, :credential_kind, :credential_hint, :billing,
    'in_progress', :started_at)
  ON CONFLICT (id) DO NOTHING`

const REQUEST = `
  UPDATE interceptions SET
    model = coalesce(:model, model),
    streaming = coalesce(:streaming, streaming),
    client_session_id = coalesce(client_session_id, :body_session),
    session_id = coalesce(client_session_id, :body_session, thread_root_id, id)
  WHERE seq = :seq`

/** An answer that comes when the call is over may still mend what was missing. */
const MENDS = `(usage_complete IS NULL OR (usage_note = 'missing' AND status <> 'in_progress'))`

const RESPONSE = `
  UPDATE interceptions SET
    model = coalesce(model, :model),
    usage_complete = CASE
      WHEN ${MENDS} THEN :complete
      WHEN CAST(:complete AS BIGINT) = 0 THEN 0 ELSE usage_complete END,
    usage_note = CASE WHEN ${MENDS} THEN :note ELSE coalesce(usage_note, :note) END,
    error_type = coalesce(error_type, :error_type),
    error_message = coalesce(error_message, :error_message),
    status = CASE WHEN :error_type IS NOT NULL AND status = 'completed' AND kind <> 'websocket'
      THEN 'failed' ELSE status END
  WHERE seq = :seq`

/** The end of a call knows better than nothing at all. */
const UNKNOWN = `interceptions.usage_complete IS NULL
        OR (interceptions.usage_note = 'missing' AND excluded.usage_complete = 1)`

/** The refused have no row yet, and neither have calls of a gap: they get one. */
const END = `
  INSERT INTO interceptions (
    id, instance, connect_id, "user", token_id, provider, provider_type, host, method, path, kind,
    client, session_id, credential_kind, credential_hint, refused_keys, billing, status, reason, error_type,
    error_message, http_status, usage_complete, usage_note, bytes_up, bytes_down, first_byte_ms,
    duration_ms, records_lost, started_at, ended_at)
  VALUES (
    :id, :instance, :connect_id, :user, :token_id, :provider, :provider_type, :host, :method,
    :path, :kind, :client, :id, :credential_kind, :credential_hint, :refused_keys, :billing, :status, :reason,
    :error_type, :error_message, :http_status, :complete, :note, :bytes_up, :bytes_down, :first_byte_ms,
    :duration_ms, :lost, :started_at, :ended_at)
  ON CONFLICT (id) DO UPDATE SET
    status = CASE
      WHEN excluded.status = 'completed' AND interceptions.error_type IS NOT NULL
        AND interceptions.kind <> 'websocket'
      THEN 'failed' ELSE excluded.status END,
    reason = excluded.reason,
    error_type = coalesce(interceptions.error_type, excluded.error_type),
    error_message = coalesce(interceptions.error_message, excluded.error_message),
    http_status = excluded.http_status,
    kind = excluded.kind,
    credential_kind = excluded.credential_kind,
    credential_hint = excluded.credential_hint,
    refused_keys = excluded.refused_keys,
    billing = excluded.billing,
    usage_complete = CASE
      WHEN ${UNKNOWN}
      THEN excluded.usage_complete ELSE interceptions.usage_complete END,
    usage_note = CASE
      WHEN ${UNKNOWN}
      THEN excluded.usage_note ELSE interceptions.usage_note END,
    bytes_up = excluded.bytes_up,
    bytes_down = excluded.bytes_down,
    first_byte_ms = excluded.first_byte_ms,
    duration_ms = excluded.duration_ms,
    records_lost = excluded.records_lost,
    ended_at = excluded.ended_at`

const CONNECT = `
  INSERT INTO connects (
    id, instance, position, started_at, duration_ms, peer, method, target, "user", token_id, outcome,
    reason, status, provider, route, address, bytes_up, bytes_down, calls, tls_failure, detail, left_out)
  VALUES (
    :id, :instance, :position, :started_at, :duration_ms, :peer, :method, :target, :user,
    :token_id, :outcome, :reason, :status, :provider, :route, :address, :bytes_up, :bytes_down,
    :calls, :tls_failure, :detail, :left_out)
  ON CONFLICT DO NOTHING`

/** Every statement that writes an entry. */
export const SQL = {
  begin: BEGIN,
  request: REQUEST,
  response: RESPONSE,
  end: END,
  connect: CONNECT,
  /** What is asked once more is known again when that is answered. */
  turn: 'UPDATE interceptions SET usage_complete = NULL WHERE id = :id AND usage_complete = 1',
  row: 'SELECT * FROM interceptions WHERE id = :id',
  token: `INSERT INTO token_usages (interception, position, id, response_id, model, input, output,
      cache_read, cache_write, extra, cost_nano, created_at)
    VALUES (:seq, :position, :id, :response_id, :model, :input, :output, :cache_read, :cache_write,
      :extra, :cost_nano, :at) ON CONFLICT DO NOTHING`,
  prompt: `INSERT INTO user_prompts (interception, position, id, prompt, created_at)
    VALUES (:seq, :position, :id, :prompt, :at) ON CONFLICT DO NOTHING`,
  tool: `INSERT INTO tool_usages (interception, position, id, response_id, tool_call_id, tool,
      input, server_url, injected, invocation_error, created_at)
    VALUES (:seq, :position, :id, :response_id, :tool_call_id, :tool, :input, :server_url, :injected,
      :invocation_error, :at)
    ON CONFLICT DO NOTHING`,
  thought: `INSERT INTO model_thoughts (interception, position, id, response_id, content, source,
      created_at)
    VALUES (:seq, :position, :id, :response_id, :content, :source, :at) ON CONFLICT DO NOTHING`,
  /** The first prompt without an answer; an answer that is written again has its own. */
  answerPrompt: `UPDATE user_prompts SET response_id = :response_id
    WHERE interception = :seq AND position = (SELECT min(position) FROM user_prompts
      WHERE interception = :seq AND response_id IS NULL)
    AND NOT EXISTS (SELECT 1 FROM user_prompts
      WHERE interception = :seq AND response_id = :response_id)`,
  touch: 'UPDATE instances SET pid = pid WHERE id = :id',
  gap: `INSERT INTO gaps (instance, position, started_at, ended_at, cause, calls, records)
    VALUES (:instance, :position, :started_at, :ended_at, :cause, :calls, :records)
    ON CONFLICT DO NOTHING`,
} as const
