import type { BedrockSettings, InterceptedHost, ProviderType } from '../../kernel/provider.ts'
import type { Secret } from '../../kernel/secret.ts'
import {
  hostText,
  isLoopbackHost,
  makeTarget,
  type Origin,
  parseHost,
} from '../../kernel/target.ts'
import { quote } from '../parsed.ts'
import { certificatesOf } from '../pem.ts'
import type { Report } from '../report.ts'
import { readHostAndPort } from '../types/host.ts'
import { splitList } from '../types/list.ts'
import { bool } from '../types/scalar.ts'
import { type BaseUrl, baseUrl } from '../types/url.ts'
import { unreadable } from '../yaml-file.ts'
import { bedrockUrl, checkBedrock, credentialNames, isBedrock, readBedrock } from './bedrock.ts'
import type { ProviderDraft } from './draft.ts'
import { readKeys } from './keys.ts'

export interface BuildInput {
  readonly types: readonly ProviderType[]
  readonly readFile: (path: string) => string
}

/** A provider that is complete but for its hosts. */
export interface BuiltProvider {
  readonly draft: ProviderDraft
  readonly name: string
  readonly type: ProviderType
  readonly origin: Origin
  /** Its type's other hosts, where the base URL is one of them. */
  readonly siblings: readonly Origin[]
  readonly basePath: string
  readonly keys: readonly Secret[]
  readonly caPem: string | undefined
  readonly bedrock: BedrockSettings | undefined
  /** HOSTS, where given. */
  readonly explicitHosts: readonly InterceptedHost[] | undefined
}

/**
 * Judges one draft. `undefined` when it has problems or when its type has no
 * effect yet; the report then says so.
 */
export function buildProvider(
  draft: ProviderDraft,
  input: BuildInput,
  report: Report,
): BuiltProvider | undefined {
  const before = report.problems.length
  const typeName = readTypeName(draft, input.types, report)
  if (typeName === undefined) return undefined
  const type = input.types.find(candidate => candidate.type === typeName)

  const name = readName(draft, typeName, report)
  checkBedrock(draft, typeName, report)
  const keys = readCentralKeys(
    draft,
    typeName !== 'bedrock' && type?.centralKey !== false,
    input,
    report,
  )
  const explicitHosts = readHosts(draft, report)
  const caPem = readCa(draft, input.readFile, report)
  if (type === undefined) return undefined
  const place = readPlace(draft, type, report)
  if (place === undefined || report.problems.length > before) return undefined
  return {
    draft,
    name,
    type,
    keys: place.bedrock === undefined ? keys : credentialNames(place.bedrock),
    caPem,
    explicitHosts,
    ...place,
  }
}

type Place = Pick<BuiltProvider, 'origin' | 'siblings' | 'basePath' | 'bedrock'>

/** Where calls go. On Bedrock what it has no form for stays with the type's own base URL. */
function readPlace(draft: ProviderDraft, type: ProviderType, report: Report): Place | undefined {
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
  const siblings = rest === undefined ? [] : [rest.origin]
  return { origin: base.origin, siblings, basePath: base.path, bedrock }
}

/** A gateway gets the calls for all of a type's hosts; the hosts themselves get their own. */
function siblingsOf({ canonicalHosts }: ProviderType, { origin, path }: BaseUrl): Origin[] {
  const { protocol, target } = origin
  const isOwn = protocol === 'https' && path === '' && target.port === 443
  if (!isOwn || !canonicalHosts.includes(hostText(target.host))) return []
  return canonicalHosts.flatMap(name => {
    const parsed = parseHost(name)
    const isOther = parsed.ok && name !== hostText(target.host)
    return isOther ? [{ protocol, target: makeTarget(parsed.host, target.port) }] : []
  })
}

function readTypeName(
  draft: ProviderDraft,
  types: readonly ProviderType[],
  report: Report,
): string | undefined {
  const name = draft.fields.get('TYPE')?.text
  if (name === undefined) {
    report.problems.push(`${draft.label}: TYPE is required`)
    return undefined
  }
  const known = types.map(type => type.type)
  if (known.includes(name)) return name
  const choice = `must be ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`
  report.problems.push(`${draft.label}: unknown TYPE ${quote(name)} (${choice})`)
  return undefined
}

/** What else stands behind `/api/v2/aibridge/`, where a provider's name does. */
export const RESERVED_NAMES = [
  'interceptions',
  'sessions',
  'models',
  'clients',
  'budgets',
  'proxy',
  'usage',
]

function readName(draft: ProviderDraft, typeName: string, report: Report): string {
  const name = draft.fields.get('NAME')?.text ?? typeName
  if (RESERVED_NAMES.includes(name)) {
    report.problems.push(
      `${draft.label}: invalid provider name ${quote(name)}: the API has a route of that name: choose another`,
    )
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    report.problems.push(
      `${draft.label}: invalid provider name ${quote(name)}: must contain only lowercase alphanumeric characters and hyphens`,
    )
  }
  return name
}

function readCentralKeys(
  draft: ProviderDraft,
  takesKey: boolean,
  { readFile }: BuildInput,
  report: Report,
): readonly Secret[] {
  const keys = readKeys(draft, readFile, report)
  if (keys.length > 0 && !takesKey) {
    const typeName = draft.fields.get('TYPE')?.text
    report.problems.push(
      `${draft.label}: KEY/KEYS are not supported for TYPE ${typeName}: remove it`,
    )
  }
  return keys
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

function readHosts(draft: ProviderDraft, report: Report): InterceptedHost[] | undefined {
  const found = draft.fields.get('HOSTS')
  if (found === undefined) return undefined
  const entries = splitList(found.text)
  if (entries.length === 0) report.problems.push(`${found.origin}: the list names no host`)
  return entries.flatMap(entry => {
    const result = readHostAndPort(entry)
    if (result.ok) return [{ host: hostText(result.value.host), port: result.value.port }]
    report.problems.push(`${found.origin}: invalid host ${quote(entry)}: ${result.problem}`)
    return []
  })
}

function readCa(
  draft: ProviderDraft,
  readFile: (path: string) => string,
  report: Report,
): string | undefined {
  const found = draft.fields.get('CA_FILE')
  if (found === undefined) return undefined
  try {
    const pem = certificatesOf(readFile(found.text))
    if (pem !== undefined) return pem
    report.problems.push(`${found.origin}: ${quote(found.text)} holds no readable PEM certificate`)
  } catch (error) {
    report.problems.push(unreadable(found.origin, found.text, error))
  }
  return undefined
}
