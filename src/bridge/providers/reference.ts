import type { ProviderType } from '../../kernel/provider.ts'
import { Secret } from '../../kernel/secret.ts'
import { PROVIDER_TYPES } from './registry.ts'

/** `docs/reference/providers.md`. */
export function providersReference(): string {
  return `# Provider types

<!-- Made from the types in src/bridge/providers: \`npm run docs\`. Edit there. -->

What \`CODER_AIBRIDGE_PROVIDER_<N>_TYPE\` may be. \`anthropic\`, \`openai\` and \`copilot\` are there without being configured; every other type is off until it is.

A provider is reached through the proxy, by its hosts, or by its base-URL route. The prefix of a type is replaced by the path of the base URL: with the base URL \`https://gw.example/openai/v1/\`, \`/v1/responses\` becomes \`/openai/v1/responses\`. In paths, \`*\` stands for a part of one segment and a slash at the end for everything below.

Bridged paths are recorded with model, tokens and prompts. The central key goes on bridged and passed paths, and on no other; what is not listed goes through without a key, unless \`CODER_AIBRIDGE_PASSTHROUGH=listed\`.

${PROVIDER_TYPES.map(section).join('\n')}`
}

function section(type: ProviderType): string {
  const facts = [
    [
      'hosts',
      type.canonicalHosts.length === 0 ? 'that of its base URL' : codes(type.canonicalHosts),
    ],
    ['base URL', baseUrlOf(type)],
    ['prefix', type.routePrefix === '' ? 'none' : codes([type.routePrefix])],
    ['central key', type.centralKey ? keyHeader(type) : "none: the client's own only"],
    ['bridged', codes(Object.keys(type.bridged))],
    ['passed', type.passthrough.length === 0 ? 'none' : codes(type.passthrough)],
    ...(type.wholeHost === true ? [['other paths', 'go through always, as they are']] : []),
  ]
  return [`## ${type.type}`, '', '| | |', '|---|---|', ...facts.map(row), ''].join('\n')
}

function baseUrlOf({ type, defaultBaseUrl }: ProviderType): string {
  if (type === 'bedrock') return 'that of its region'
  return defaultBaseUrl === undefined ? 'must be given' : codes([defaultBaseUrl])
}

function keyHeader(type: ProviderType): string {
  const [name] = type.attach(new Secret(''))
  return name === undefined ? 'signs the call' : codes([name])
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function codes(texts: readonly string[]): string {
  return texts.map(text => `\`${text}\``).join(', ')
}
