/**
 * One metric. `series` is the pessimistic number of time series it can grow to
 * in one process (P providers, U users, C client labels, R listed routes), so
 * that nobody adds a label without counting; whatever happens, no metric grows
 * beyond the budget of `series-budget.ts`.
 */
export interface MetricRow {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly series: string
  readonly buckets?: readonly number[]
}

/** Coder's, so that its dashboards fit. */
const BRIDGE_BUCKETS = [0.5, 2, 5, 15, 30, 60, 120]
const WORK_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25]

/**
 * Names that begin with `coder_` are those of Coder's AI Bridge and its proxy
 * and mean the same; the others are this daemon's own.
 */
export const METRICS = {
  connectSessions: {
    name: 'coder_aibridgeproxyd_connect_sessions_total',
    type: 'counter',
    help: 'CONNECT sessions established, by what became of them.',
    labels: ['type'],
    series: '2 (`mitm`, `tunneled`)',
  },
  mitmRequests: {
    name: 'coder_aibridgeproxyd_mitm_requests_total',
    type: 'counter',
    help: 'Requests handed to the bridge.',
    labels: ['provider'],
    series: 'P',
  },
  mitmInflight: {
    name: 'coder_aibridgeproxyd_inflight_mitm_requests',
    type: 'gauge',
    help: 'Requests being served by the bridge.',
    labels: ['provider'],
    series: 'P',
  },
  mitmResponses: {
    name: 'coder_aibridgeproxyd_mitm_responses_total',
    type: 'counter',
    help: 'Answers of the bridge by HTTP status.',
    labels: ['code', 'provider'],
    series: 'P × 60',
  },
  providerInfo: {
    name: 'coder_aibridgeproxyd_provider_info',
    type: 'gauge',
    help: 'Always 1, one series for each configured provider.',
    labels: ['provider_name', 'provider_type', 'status'],
    series: 'P',
  },
  interceptions: {
    name: 'coder_aibridged_interceptions_total',
    type: 'counter',
    help: 'Finished interceptions; `completed` means an answer below 400 that was delivered whole. `initiator_id` is the user name. Coder has a label `model` as well; it is not there yet.',
    labels: ['provider', 'status', 'route', 'method', 'initiator_id', 'client'],
    series: 'P × 2 × R × 9 × U × C',
  },
  interceptionsInflight: {
    name: 'coder_aibridged_interceptions_inflight',
    type: 'gauge',
    help: 'Calls being served, by listed route (`other` for the rest).',
    labels: ['provider', 'route'],
    series: 'P × R',
  },
  interceptionsDuration: {
    name: 'coder_aibridged_interceptions_duration_seconds',
    type: 'histogram',
    help: 'From the arrival of an intercepted call to the end of its answer.',
    labels: ['provider'],
    series: 'P × 10',
    buckets: BRIDGE_BUCKETS,
  },
  prompts: {
    name: 'coder_aibridged_prompts_total',
    type: 'counter',
    help: 'Prompts of users that requests carried.',
    labels: ['provider', 'model', 'initiator_id', 'client'],
    series: 'P × models × U × C, capped',
  },
  tokens: {
    name: 'coder_aibridged_tokens_total',
    type: 'counter',
    help: "Tokens by the provider's final numbers: `input`, `output`, `cache_read_input_tokens`, `cache_write_input_tokens`, and further counters under their own names.",
    labels: ['provider', 'model', 'type', 'initiator_id', 'client'],
    series: 'P × models × about 10 × U × C, capped',
  },
  toolSelections: {
    name: 'coder_aibridged_non_injected_tool_selections_total',
    type: 'counter',
    help: 'Tools that models asked their clients to call.',
    labels: ['provider', 'model', 'name'],
    series: 'P × models × tools, capped',
  },
  cost: {
    name: 'aibridgeproxyd_cost_usd_total',
    type: 'counter',
    help: 'What answers cost in dollars, by the prices in force; without those of subscriptions and those without a price.',
    labels: ['provider', 'model', 'initiator_id'],
    series: 'P × models × U, capped',
  },
  unpriced: {
    name: 'aibridgeproxyd_unpriced_answers_total',
    type: 'counter',
    help: 'Answers with tokens whose cost is not known, because there is no price for the model or for something that was counted.',
    labels: ['provider', 'model'],
    series: 'P × models, capped',
  },
  toolInvocations: {
    name: 'coder_aibridged_injected_tool_invocations_total',
    type: 'counter',
    help: 'Tools of `mcp_servers_file` that were called for models.',
    labels: ['provider', 'model', 'server', 'name'],
    series: 'P × models × tools, capped',
  },
  passthrough: {
    name: 'coder_aibridged_passthrough_total',
    type: 'counter',
    help: 'Calls passed through without being interpreted.',
    labels: ['provider', 'route', 'method'],
    series: 'P × R × 9',
  },
  circuitState: {
    name: 'coder_aibridged_circuit_breaker_state',
    type: 'gauge',
    help: "0 closed, 0.5 half open, 1 open. `scope` is `all`, or `caller` for the worst of single callers' own. Coder has a label `model`; here all models of a route share a circuit.",
    labels: ['provider', 'endpoint', 'scope'],
    series: 'P × R × 2',
  },
  circuitTrips: {
    name: 'coder_aibridged_circuit_breaker_trips_total',
    type: 'counter',
    help: 'How often a circuit opened.',
    labels: ['provider', 'endpoint', 'scope'],
    series: 'P × R × 2',
  },
  circuitRejects: {
    name: 'coder_aibridged_circuit_breaker_rejects_total',
    type: 'counter',
    help: 'Calls refused by an open circuit.',
    labels: ['provider', 'endpoint'],
    series: 'P × R',
  },
  providerKeys: {
    name: 'aibridgeproxyd_provider_keys',
    type: 'gauge',
    help: 'Central keys by state: `ready`, `cooling` after a 429, `out` after a 401 or 403.',
    labels: ['provider', 'state'],
    series: 'P × 3',
  },
  keyFailovers: {
    name: 'aibridgeproxyd_key_failovers_total',
    type: 'counter',
    help: 'Attempts after which another central key took over, by the status that caused it.',
    labels: ['provider', 'code'],
    series: 'P × 3 (401, 403, 429)',
  },
  requests: {
    name: 'aibridgeproxyd_requests_total',
    type: 'counter',
    help: 'Proxy requests (CONNECT and absolute-form), by outcome.',
    labels: ['outcome'],
    series: '5 (`tunneled`, `mitm`, `forwarded`, `refused`, `failed`)',
  },
  refusals: {
    name: 'aibridgeproxyd_refusals_total',
    type: 'counter',
    help: 'Requests and calls that we answered with an error of our own, by reason code.',
    labels: ['reason'],
    series: 'one for each reason code, about 70',
  },
  shadowRefusals: {
    name: 'aibridgeproxyd_shadow_refusals_total',
    type: 'counter',
    help: 'What rules of the policy file that are on trial would have refused.',
    labels: ['reason'],
    series: 'reason codes',
  },
  clientErrors: {
    name: 'aibridgeproxyd_client_errors_total',
    type: 'counter',
    help: 'Connections whose bytes never became a request.',
    labels: ['reason'],
    series: 'one for each reason code that parsing has, about 20',
  },
  tlsFailures: {
    name: 'aibridgeproxyd_tls_failures_total',
    type: 'counter',
    help: 'TLS handshakes with clients that failed; most often a client that does not trust the CA.',
    labels: ['code'],
    series: 'one for each failure code, about 10',
  },
  tunnelBytes: {
    name: 'aibridgeproxyd_tunnel_bytes_total',
    type: 'counter',
    help: 'Bytes through tunnels, counted when the tunnel ends; `up` is towards the destination.',
    labels: ['direction'],
    series: '2 (`up`, `down`)',
  },
  overhead: {
    name: 'aibridgeproxyd_call_overhead_seconds',
    type: 'histogram',
    help: "This daemon's own share of a call: arrival to request sent, plus answer seen to answer handed on.",
    labels: [],
    series: '12',
    buckets: WORK_BUCKETS,
  },
  firstByte: {
    name: 'aibridgeproxyd_call_first_byte_seconds',
    type: 'histogram',
    help: "From a call's arrival to the first byte of the provider's answer.",
    labels: ['provider'],
    series: 'P × 12',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  leafMints: {
    name: 'aibridgeproxyd_leaf_mints_total',
    type: 'counter',
    help: 'Leaf certificates minted.',
    labels: [],
    series: '1',
  },
  leafMintDuration: {
    name: 'aibridgeproxyd_leaf_mint_duration_seconds',
    type: 'histogram',
    help: 'Time to mint one leaf certificate.',
    labels: [],
    series: '12',
    buckets: WORK_BUCKETS,
  },
  leafCacheHits: {
    name: 'aibridgeproxyd_leaf_cache_hits_total',
    type: 'counter',
    help: 'Leaf certificates taken from the cache.',
    labels: [],
    series: '1',
  },
  caExpiry: {
    name: 'aibridgeproxyd_ca_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the interception CA expires, in seconds since the epoch.',
    labels: [],
    series: '1',
  },
  openConnections: {
    name: 'aibridgeproxyd_open_connections',
    type: 'gauge',
    help: 'Client connections that are open on the proxy listeners.',
    labels: [],
    series: '1',
  },
  logDrops: {
    name: 'aibridgeproxyd_log_drops_total',
    type: 'counter',
    help: 'Log lines dropped because stdout did not take them in time.',
    labels: [],
    series: '1',
  },
  eventLoopDelay: {
    name: 'aibridgeproxyd_event_loop_delay_p99_seconds',
    type: 'gauge',
    help: '99th percentile of the event loop delay since the last scrape.',
    labels: [],
    series: '1',
  },
  buildInfo: {
    name: 'aibridgeproxyd_build_info',
    type: 'gauge',
    help: 'Always 1; the labels tell what is running.',
    labels: ['version', 'node'],
    series: '1',
  },
} as const satisfies Record<string, MetricRow>

export type MetricKey = keyof typeof METRICS

/** The keys of one type of metric. */
export type MetricKeyOf<T extends MetricRow['type']> = {
  [K in MetricKey]: (typeof METRICS)[K]['type'] extends T ? K : never
}[MetricKey]

/** Every label of a metric, none more and none less. */
export type MetricLabels<K extends MetricKey> = Readonly<
  Record<(typeof METRICS)[K]['labels'][number], string>
>
