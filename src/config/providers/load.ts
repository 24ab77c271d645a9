import type { ProviderSettings } from '../../kernel/provider.ts'
import { quote } from '../parsed.ts'
import type { Report } from '../report.ts'
import type { Resolved } from '../resolve.ts'
import type { YamlFile } from '../yaml-file.ts'
import { applyAllowlist } from './allowlist.ts'
import { type BuildInput, type BuiltProvider, buildProvider } from './build.ts'
import type { ProviderDraft } from './draft.ts'
import { claimHosts } from './hosts.ts'
import { indexedDrafts } from './indexed.ts'
import { legacyDrafts } from './legacy.ts'

/** What is intercepted when nothing is configured: clients bring their keys. */
const DEFAULT_TYPES = ['anthropic', 'openai', 'copilot']

export interface LoadedProvider {
  readonly settings: ProviderSettings
  /** Where it was configured, for people. */
  readonly from: string
}

export interface ProviderSources extends BuildInput {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly yaml: YamlFile
}

/**
 * All providers: the single ones, then the list. Without a list, the default
 * types that are not configured are added without a key, so that an operator
 * who sets one key still sees the traffic to the others.
 */
export function loadProviders(
  sources: ProviderSources,
  resolved: Resolved,
  report: Report,
): readonly LoadedProvider[] {
  const indexed = indexedDrafts(sources.env, sources.yaml, report)
  const configured = [...legacyDrafts(resolved.values.legacy, resolved.list, report), ...indexed]
  refuseDuplicates(configured, report)

  const build = (draft: ProviderDraft): BuiltProvider[] => {
    const provider = buildProvider(draft, sources, report)
    return provider === undefined ? [] : [provider]
  }
  const built = configured.flatMap(build)
  if (indexed.length === 0) {
    const present = new Set(built.map(provider => provider.type.type))
    const missing = DEFAULT_TYPES.filter(type => !present.has(type) && isKnown(type, sources))
    built.push(...missing.map(defaultDraft).flatMap(build))
  }

  const hosts = claimHosts(built, report)
  const settings = built.map(provider => settingsOf(provider, hosts.get(provider) ?? []))
  const { domainAllowlist, allowedPorts } = resolved.values.proxy
  return applyAllowlist(settings, domainAllowlist, allowedPorts, report).map((one, index) => ({
    settings: one,
    from: built[index]?.draft.from ?? '',
  }))
}

function defaultDraft(type: string): ProviderDraft {
  const fields = new Map([['TYPE' as const, { text: type, origin: 'default' }]])
  return { label: `default ${type}`, kind: 'default', fields, key: undefined, from: 'default' }
}

function isKnown(type: string, { types }: BuildInput): boolean {
  return types.some(known => known.type === type)
}

function settingsOf(
  { name, type, origin, siblings, basePath, keys, caPem, bedrock }: BuiltProvider,
  hosts: ProviderSettings['hosts'],
): ProviderSettings {
  return { name, type: type.type, origin, siblings, basePath, keys, hosts, caPem, bedrock }
}

/** Names are segments of URLs and labels of metrics, so each is used once. */
function refuseDuplicates(drafts: readonly ProviderDraft[], report: Report): void {
  const seen = new Map<string, ProviderDraft>()
  for (const draft of drafts) {
    const name = draft.fields.get('NAME')?.text ?? draft.fields.get('TYPE')?.text
    if (name === undefined) continue
    const first = seen.get(name)
    if (first === undefined) seen.set(name, draft)
    else if (first.kind === 'legacy') {
      report.problems.push(
        `legacy ${first.from} conflicts with indexed provider named ${quote(name)}; remove one or the other`,
      )
    } else {
      report.problems.push(
        `${draft.label}: duplicate NAME ${quote(name)} (multiple providers of the same type require explicit NAME fields)`,
      )
    }
  }
}
