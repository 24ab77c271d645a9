import type { Report } from '../report.ts'
import { baseUrl } from '../types/url.ts'
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
    if (type === 'bedrock') complain('TYPE bedrock requires BEDROCK_* fields to be configured')
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

function hasBedrockFields(draft: ProviderDraft): boolean {
  return FIELD_NAMES.some(name => name.startsWith('BEDROCK_') && draft.fields.has(name))
}
