import type { MetricRow } from './metric-row.ts'

/** Its dashboards count on these buckets. */
const BRIDGE_BUCKETS = [0.5, 2, 5, 15, 30, 60, 120]

/** Under the names of Coder's AI Bridge and its proxy, and with their meaning. */
export const CODER_METRICS = {
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
    help: 'Finished interceptions; `completed` means an answer below 400 that was delivered whole. `initiator_id` is the user name. Coder has a label `model` as well; here only prompts, tokens and tools have one.',
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
} as const satisfies Record<string, MetricRow>
