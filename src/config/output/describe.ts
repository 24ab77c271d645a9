import type { BedrockSettings, ProviderSettings } from '../../kernel/provider.ts'
import type { Loaded } from '../load.ts'
import type { LoadedProvider } from '../providers/load.ts'
import type { ResolvedValue } from '../resolve.ts'
import { formatOrigin } from '../types/url.ts'

/**
 * The whole configuration for an operator's eyes: each value with its source,
 * the providers with their hosts, the warnings. Secrets are masked.
 */
export function describeValues(loaded: Loaded): string {
  const values = loaded.values
    .filter(({ option, source }) => !option.hidden || source !== 'default')
    .map(value => [value.option.env, shown(value), origin(value)])
  const providers = loaded.providers.flatMap(provider => describeProvider(provider))
  const sections = [
    ['Options', ...columns(values)],
    ['Providers', ...(providers.length === 0 ? ['none'] : providers)],
    ['Warnings', ...(loaded.warnings.length === 0 ? ['none'] : loaded.warnings)],
  ]
  return sections
    .map(([title = '', ...lines]) =>
      [`${title}:`, ...lines.map(line => `  ${line}`), ''].join('\n'),
    )
    .join('\n')
}

function shown({ option, value, text }: ResolvedValue): string {
  if (value === undefined || text === '') return option.secret ? 'not set' : option.defaultText
  return text
}

function origin({ source, origin: where }: ResolvedValue): string {
  return source === 'default' ? 'default' : `${source}: ${where}`
}

function describeProvider({ settings, from }: LoadedProvider): string[] {
  const { keys } = settings
  const key = keys.length === 0 ? 'none: clients bring their own' : keys.join(', ')
  const lines = columns([
    ['type', settings.type],
    ['base URL', `${formatOrigin(settings.origin)}${settings.basePath}/`],
    ['central key', key],
    ...(settings.bedrock === undefined ? [] : [['Bedrock', bedrockText(settings.bedrock)]]),
    ['hosts', hostsText(settings)],
    ['extra roots', settings.caPem === undefined ? 'none' : 'yes'],
    ['from', from],
  ])
  return [settings.name, ...lines.map(line => `  ${line}`)]
}

function bedrockText({ region, model, smallFastModel }: BedrockSettings): string {
  return `${region}, ${model}, ${smallFastModel}`
}

function hostsText({ hosts }: ProviderSettings): string {
  if (hosts.length === 0) return 'none: reached by its base-URL route only'
  return hosts
    .map(({ host, port }) => (port === undefined ? host : `${host} (port ${port} only)`))
    .join(', ')
}

function columns(rows: readonly (readonly string[])[]): string[] {
  // One very long value must not push every source off the screen.
  const width = (column: number): number =>
    Math.max(0, ...rows.map(cells => Math.min(60, cells[column]?.length ?? 0)))
  return rows.map(cells =>
    cells
      .map((cell, column) => cell.padEnd(width(column)))
      .join('  ')
      .trimEnd(),
  )
}
