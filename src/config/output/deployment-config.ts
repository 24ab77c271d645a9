import type { Loaded } from '../load.ts'
import type { Group } from '../option.ts'
import type { ResolvedValue } from '../resolve.ts'
import { formatOrigin } from '../types/url.ts'

interface GroupJson {
  readonly name: string
  readonly description: string
  readonly yaml: string
  readonly parent?: GroupJson
}

/**
 * The body of `GET /api/v2/deployment/config` (codersdk.DeploymentConfig) for
 * the parts that this daemon has. Secrets are empty, durations nanoseconds.
 */
export function deploymentConfig(loaded: Loaded): {
  readonly config: Readonly<Record<string, unknown>>
  readonly options: readonly Readonly<Record<string, unknown>>[]
} {
  const config: Tree = {}
  for (const value of loaded.values) put(config, value.option.json, jsonOf(value))
  put(config, ['ai', 'bridge', 'providers'], loaded.providers.map(providerJson))
  return { config, options: loaded.values.map(optionJson) }
}

interface Tree {
  [name: string]: unknown
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path
  if (name === undefined) return
  if (rest.length === 0) {
    tree[name] = value
    return
  }
  const inner = tree[name]
  const child: Tree = isTree(inner) ? inner : {}
  tree[name] = child
  put(child, rest, value)
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function jsonOf({ option, value }: ResolvedValue): unknown {
  return option.type.json(value)
}

function optionJson(resolved: ResolvedValue): Readonly<Record<string, unknown>> {
  const { option, source } = resolved
  const hasDefault = option.defaultText !== 'none'
  return {
    annotations: option.effect === 'yes' ? {} : { effect: option.effect },
    default: hasDefault ? option.defaultText : '',
    description: option.description,
    env: option.env,
    flag: option.flag,
    flag_shorthand: '',
    group: groupJson(option.group),
    hidden: option.hidden,
    name: option.name,
    required: false,
    use_instead: [],
    value: jsonOf(resolved),
    value_source: source === 'default' && !hasDefault ? '' : source,
    yaml: option.yaml?.at(-1) ?? '',
  }
}

function groupJson(group: Group): GroupJson {
  const { name, description } = group
  const yaml = group.yaml.at(-1) ?? ''
  const parents = group.yaml.slice(0, -1)
  const parent = parents.reduce<GroupJson | undefined>(
    (above, segment) => ({
      name: segment,
      description: '',
      yaml: segment,
      ...(above === undefined ? {} : { parent: above }),
    }),
    undefined,
  )
  return { name, description, yaml, ...(parent === undefined ? {} : { parent }) }
}

function providerJson({ settings }: Loaded['providers'][number]): Readonly<Record<string, string>> {
  return {
    type: settings.type,
    name: settings.name,
    base_url: `${formatOrigin(settings.origin)}${settings.basePath}/`,
    bedrock_model: settings.bedrock?.model ?? '',
    bedrock_region: settings.bedrock?.region ?? '',
    bedrock_small_fast_model: settings.bedrock?.smallFastModel ?? '',
  }
}
