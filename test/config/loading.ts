import { type Loaded, type LoadInput, loadConfig } from '../../src/config/load.ts'
import { ConfigurationError } from '../../src/kernel/error.ts'
import type { ProviderType } from '../../src/kernel/provider.ts'

function providerType(
  type: string,
  canonicalHosts: readonly string[],
  defaultBaseUrl: string | undefined,
  centralKey = true,
): ProviderType {
  return {
    type,
    canonicalHosts,
    defaultBaseUrl,
    centralKey,
    routePrefix: '',
    bridged: {},
    passthrough: [],
    attach: () => ['authorization', 'none'],
    errorBody: () => '{}',
  }
}

/** A registry like the bridge's, so that configuration is tested without it. */
export const TYPES: readonly ProviderType[] = [
  providerType('anthropic', ['api.anthropic.com'], 'https://api.anthropic.com/'),
  providerType('openai', ['api.openai.com'], 'https://api.openai.com/v1/'),
  providerType(
    'copilot',
    ['api.individual.githubcopilot.com', 'api.business.githubcopilot.com'],
    'https://api.individual.githubcopilot.com',
    false,
  ),
  providerType('bedrock', [], undefined),
  providerType('openai-compat', [], undefined),
]

export type Input = Partial<LoadInput> & { readonly files?: Readonly<Record<string, string>> }

/** Loads with nothing but what the test gives; files are a record. */
export function load({ files = {}, ...input }: Input = {}): Loaded {
  return loadConfig({
    flags: {},
    env: {},
    types: TYPES,
    home: '/home/op',
    readFile: path => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' })
      return text
    },
    ...input,
  })
}

/** The problems of a configuration that must not load. */
export function problemsOf(input: Input): readonly string[] {
  try {
    load(input)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
  throw new Error('the configuration loaded')
}

/** Loads with a YAML file of this text. */
export function withYaml(text: string): Input {
  return { env: { CODER_CONFIG_PATH: 'config.yaml' }, files: { 'config.yaml': text } }
}

/** The value of the option with this variable. */
export function valueOf(loaded: Loaded, env: string): Loaded['values'][number] {
  const found = loaded.values.find(value => value.option.env === env)
  if (found === undefined) throw new Error(`no option ${env}`)
  return found
}

/** The rows of a prices file with this text. */
export function parsePrices(text: string): Loaded['settings']['bridge']['prices'] {
  return load(withPrices(text)).settings.bridge.prices
}

/** Loads with a prices file of this text. */
export function withPrices(text: string): Input {
  return {
    env: { CODER_AIBRIDGE_PRICES_FILE: 'prices.yaml' },
    files: { 'prices.yaml': text },
  }
}
