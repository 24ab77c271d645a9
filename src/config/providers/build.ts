import type { InterceptedHost, ProviderType } from '../../kernel/provider.ts'
import type { Secret } from '../../kernel/secret.ts'
import { hostText } from '../../kernel/target.ts'
import { quote } from '../parsed.ts'
import type { Files, ReadFile } from '../read-file.ts'
import type { Report } from '../report.ts'
import { readRoots } from '../roots-file.ts'
import { readHostAndPort } from '../types/host.ts'
import { splitList } from '../types/list.ts'
import { checkBedrock, credentialNames } from './bedrock.ts'
import type { ProviderDraft } from './draft.ts'
import { readKeys } from './keys.ts'
import { type Place, readPlace } from './place.ts'

export interface BuildInput {
  readonly types: readonly ProviderType[]
  readonly readFile: ReadFile
}

/** A provider that is complete but for its hosts. */
export interface BuiltProvider extends Place {
  readonly draft: ProviderDraft
  readonly name: string
  readonly type: ProviderType
  readonly keys: readonly Secret[]
  readonly caPem: string | undefined
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
  const files = { readFile: input.readFile, report }
  const keys = readCentralKeys(draft, typeName !== 'bedrock' && type?.centralKey !== false, files)
  const explicitHosts = readHosts(draft, report)
  const caFile = draft.fields.get('CA_FILE')
  const caPem = readRoots(caFile?.origin ?? '', caFile?.text, files)
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

function readTypeName(
  draft: ProviderDraft,
  types: readonly ProviderType[],
  report: Report,
): string | undefined {
  const name = draft.fields.get('TYPE')?.text
  const known = types.map(type => type.type)
  const choice = `must be ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`
  if (name === undefined) {
    report.problems.push(`${draft.label}: TYPE is required: ${choice}`)
    return undefined
  }
  if (known.includes(name)) return name
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

function readCentralKeys(draft: ProviderDraft, takesKey: boolean, files: Files): readonly Secret[] {
  const keys = readKeys(draft, files)
  if (keys.length > 0 && !takesKey) {
    const typeName = draft.fields.get('TYPE')?.text
    files.report.problems.push(
      `${draft.label}: KEY/KEYS are not supported for TYPE ${typeName}: remove it`,
    )
  }
  return keys
}

function readHosts(draft: ProviderDraft, report: Report): InterceptedHost[] | undefined {
  const found = draft.fields.get('HOSTS')
  if (found === undefined) return undefined
  const entries = splitList(found.text)
  if (entries.length === 0)
    report.problems.push(`${found.origin}: the list names no host: name one, or unset it`)
  return entries.flatMap(entry => {
    const result = readHostAndPort(entry)
    if (result.ok) return [{ host: hostText(result.value.host), port: result.value.port }]
    report.problems.push(`${found.origin}: invalid host ${quote(entry)}: ${result.problem}`)
    return []
  })
}
