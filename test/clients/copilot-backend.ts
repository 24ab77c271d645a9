import type { Behaviour, Exchange } from '../support/provider-exchange.ts'

const API_HOST = 'https://api.individual.githubcopilot.com'

/** What GitHub tells Copilot about its user, and the one model it may use. */
export function copilotBackend(exchange: Exchange): Behaviour | undefined {
  const path = exchange.path.split('?')[0]
  if (path === '/copilot_internal/user') return json(USER)
  if (path === '/models') return json({ data: [MODEL] })
  return undefined
}

function json(body: object): Behaviour {
  return { pieces: [JSON.stringify(body)] }
}

const USER = {
  login: 'dev',
  copilot_plan: 'individual',
  access_type_sku: 'monthly_subscriber',
  chat_enabled: true,
  organization_login_list: [],
  organization_list: [],
  quota_snapshots: {},
  endpoints: {
    api: API_HOST,
    telemetry: API_HOST,
    proxy: API_HOST,
    'origin-tracker': API_HOST,
  },
}

const MODEL = {
  id: 'gpt-5',
  name: 'GPT-5',
  object: 'model',
  vendor: 'OpenAI',
  version: 'gpt-5',
  preview: false,
  model_picker_enabled: true,
  policy: { state: 'enabled', terms: '' },
  supported_endpoints: ['/responses', '/chat/completions'],
  capabilities: {
    type: 'chat',
    family: 'gpt-5',
    object: 'model_capabilities',
    tokenizer: 'o200k_base',
    limits: {
      max_context_window_tokens: 200_000,
      max_prompt_tokens: 128_000,
      max_output_tokens: 16_000,
    },
    supports: { tool_calls: true, streaming: true, parallel_tool_calls: true },
  },
}
