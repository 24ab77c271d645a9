import type { ProviderSettings, ProviderType, Sibling } from '../../kernel/provider.ts'
import { hostText, isLoopbackHost, makeTarget, parseHost } from '../../kernel/target.ts'
import type { Report } from '../report.ts'
import { bool } from '../types/scalar.ts'
import { type BaseUrl, baseUrl } from '../types/url.ts'
import { bedrockUrl, isBedrock, readBedrock } from './bedrock.ts'
import type { ProviderDraft } from './draft.ts'

/** Where the calls of a provider go. */
export type Place = Pick<ProviderSettings, 'origin' | 'siblings' | 'basePath' | 'bedrock'>

/**
 * The base URL, as given or as the type has it. On Bedrock what it has no form
 * for stays with the type's own base URL.
 */
export function readPlace(
  draft: ProviderDraft,
  type: ProviderType,
  report: Report,
): Place | undefined {
  if (!isBedrock(draft, type.type)) {
    const base = readBaseUrl(draft, 'BASE_URL', type.defaultBaseUrl, report)
    if (base === undefined) return undefined
    const { origin, path: basePath } = base
    return { origin, siblings: siblingsOf(type, base), basePath, bedrock: undefined }
  }
  const base = readBaseUrl(draft, 'BEDROCK_BASE_URL', bedrockUrl(draft), report)
  const bedrock = base === undefined ? undefined : readBedrock(draft, base, report)
  if (base === undefined || bedrock === undefined) return undefined
  const rest =
    type.defaultBaseUrl === undefined
      ? undefined
      : readBaseUrl(draft, 'BASE_URL', type.defaultBaseUrl, report)
  const siblings = rest === undefined ? [] : restOf(type, rest)
  return { origin: base.origin, siblings, basePath: base.path, bedrock }
}

/** What Bedrock has no form for, at whichever of the type's hosts it was asked. */
function restOf({ canonicalHosts }: ProviderType, { origin, path: basePath }: BaseUrl): Sibling[] {
  const hosts = new Set([...canonicalHosts, hostText(origin.target.host)])
  return [...hosts].map(host => ({ host, origin, basePath }))
}

/** A gateway gets the calls for all of a type's hosts; the hosts themselves get their own. */
function siblingsOf({ canonicalHosts }: ProviderType, { origin, path }: BaseUrl): Sibling[] {
  const { protocol, target } = origin
  const isOwn = protocol === 'https' && path === '' && target.port === 443
  if (!isOwn || !canonicalHosts.includes(hostText(target.host))) return []
  return canonicalHosts.flatMap(host => {
    const parsed = parseHost(host)
    if (!parsed.ok || host === hostText(target.host)) return []
    const other = { protocol, target: makeTarget(parsed.host, target.port) }
    return [{ host, origin: other, basePath: '' }]
  })
}

function readBaseUrl(
  draft: ProviderDraft,
  field: 'BASE_URL' | 'BEDROCK_BASE_URL',
  fallback: string | undefined,
  report: Report,
): BaseUrl | undefined {
  const found = draft.fields.get(field)
  const text = found?.text ?? fallback
  if (text === undefined) {
    const typeName = draft.fields.get('TYPE')?.text
    const needed = field === 'BASE_URL' ? field : 'BEDROCK_REGION'
    report.problems.push(`${draft.label}: ${needed} is required for TYPE ${typeName}`)
    return undefined
  }
  const result = baseUrl('invalid base URL').parse(text)
  if (!result.ok) {
    report.problems.push(`${found?.origin ?? draft.label}: ${result.problem}`)
    return undefined
  }
  const insecure = readBool(draft, report)
  const { origin } = result.value
  if (origin.protocol === 'http' && !isLoopbackHost(origin.target.host) && !insecure) {
    report.problems.push(
      `${draft.label}: the base URL is http:// beyond loopback, so keys would travel in the clear: use https://, or set ALLOW_INSECURE_HTTP=true`,
    )
  }
  return result.value
}

function readBool(draft: ProviderDraft, report: Report): boolean {
  const found = draft.fields.get('ALLOW_INSECURE_HTTP')
  if (found === undefined) return false
  const result = bool.parse(found.text)
  if (result.ok) return result.value
  report.problems.push(`${found.origin}: ${result.problem}`)
  return false
}
