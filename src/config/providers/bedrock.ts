import type { AwsKeys, BedrockSettings } from '../../kernel/provider.ts'
import { Secret } from '../../kernel/secret.ts'
import { hostText } from '../../kernel/target.ts'
import type { Report } from '../report.ts'
import { type BaseUrl, baseUrl } from '../types/url.ts'
import { BEDROCK_MODEL, BEDROCK_SMALL_FAST_MODEL } from './bedrock-models.ts'
import type { ProviderDraft } from './draft.ts'
import { FIELD_NAMES } from './fields.ts'
import { listOf } from './keys.ts'

const BEDROCK_TYPES = ['anthropic', 'bedrock']
const KEY_FIELDS = ['KEY', 'KEYS', 'KEY_FILE'] as const

/** Whether a provider is to be reached through Amazon Bedrock. */
export function isBedrock(draft: ProviderDraft, type: string): boolean {
  return type === 'bedrock' || hasBedrockFields(draft)
}

/** The rules about BEDROCK_* fields, whatever becomes of the provider. */
export function checkBedrock(draft: ProviderDraft, type: string, report: Report): void {
  const complain = (problem: string): void => {
    report.problems.push(`${draft.label}: ${problem}`)
  }
  if (!hasBedrockFields(draft)) {
    if (type === 'bedrock')
      complain('TYPE bedrock requires BEDROCK_* fields to be configured: set BEDROCK_REGION')
    return
  }
  if (!BEDROCK_TYPES.includes(type)) {
    complain(
      `BEDROCK_* fields are only supported with TYPE ${BEDROCK_TYPES.join(' or ')}: remove them`,
    )
  }
  if (type !== 'bedrock' && KEY_FIELDS.some(name => draft.fields.has(name))) {
    complain('KEY/KEYS and BEDROCK_* fields are mutually exclusive: remove one or the other')
  }

  const ids = listOf(draft, 'BEDROCK_ACCESS_KEY', report)
  const secrets = listOf(draft, 'BEDROCK_ACCESS_KEY_SECRET', report)
  if (ids.length !== secrets.length) {
    complain(
      `BEDROCK_ACCESS_KEYS count (${ids.length}) must match BEDROCK_ACCESS_KEY_SECRETS count (${secrets.length})`,
    )
  }
  checkPlace(draft, complain)
}

function checkPlace(draft: ProviderDraft, complain: (problem: string) => void): void {
  const region = draft.fields.get('BEDROCK_REGION')
  if (region !== undefined && !/^[a-z0-9-]{1,40}$/.test(region.text)) {
    complain('BEDROCK_REGION: use the name of an AWS region, as in eu-central-1')
  }
  const url = draft.fields.get('BEDROCK_BASE_URL')
  const result = url === undefined ? undefined : baseUrl('invalid base URL').parse(url.text)
  if (result !== undefined && !result.ok) complain(`BEDROCK_BASE_URL: ${result.problem}`)
}

/** The base URL of Bedrock as somebody wrote it, or that of the region. */
export function bedrockUrl(draft: ProviderDraft): string | undefined {
  const given = draft.fields.get('BEDROCK_BASE_URL')?.text
  if (given !== undefined) return given
  const region = draft.fields.get('BEDROCK_REGION')?.text
  return region === undefined ? undefined : `https://bedrock-runtime.${region}.amazonaws.com`
}

/** Region, keys and models; the region may stand in Bedrock's own host name. */
export function readBedrock(
  draft: ProviderDraft,
  { origin }: BaseUrl,
  report: Report,
): BedrockSettings | undefined {
  const text = (name: 'BEDROCK_REGION' | 'BEDROCK_MODEL' | 'BEDROCK_SMALL_FAST_MODEL') =>
    draft.fields.get(name)?.text
  const named = /^bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\./.exec(hostText(origin.target.host))?.[1]
  const region = text('BEDROCK_REGION') ?? named
  if (region === undefined) {
    report.problems.push(
      `${draft.label}: BEDROCK_REGION is needed, since calls are signed for a region`,
    )
    return undefined
  }
  return {
    region,
    keys: awsKeys(draft),
    model: text('BEDROCK_MODEL') ?? BEDROCK_MODEL,
    smallFastModel: text('BEDROCK_SMALL_FAST_MODEL') ?? BEDROCK_SMALL_FAST_MODEL,
  }
}

/** Stand for the operator's credentials where keys would: their masks are what records show. */
export function credentialNames({ keys }: BedrockSettings): readonly Secret[] {
  return keys.length === 0 ? [new Secret('aws-default-chain')] : keys.map(({ id }) => id)
}

function awsKeys(draft: ProviderDraft): readonly AwsKeys[] {
  if (draft.awsKeys !== undefined) return [draft.awsKeys]
  // What is wrong with the lists was told by `checkBedrock`.
  const quiet = { problems: [], warnings: [] }
  const secrets = listOf(draft, 'BEDROCK_ACCESS_KEY_SECRET', quiet)
  return listOf(draft, 'BEDROCK_ACCESS_KEY', quiet).flatMap((id, index) => {
    const secret = secrets[index]
    return secret === undefined ? [] : [{ id: new Secret(id), secret: new Secret(secret) }]
  })
}

function hasBedrockFields(draft: ProviderDraft): boolean {
  return FIELD_NAMES.some(name => name.startsWith('BEDROCK_') && draft.fields.has(name))
}
