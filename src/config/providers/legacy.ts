import type { AwsKeys } from '../../kernel/provider.ts'
import { OPTIONS, type Values } from '../options.ts'
import type { Report } from '../report.ts'
import type { ResolvedValue } from '../resolve.ts'
import type { Found } from '../yaml-file.ts'
import type { ProviderDraft } from './draft.ts'
import type { FieldName } from './fields.ts'

type Legacy = Values['legacy']
type LegacyKey = keyof Legacy

/**
 * The providers of the single-provider options, in Coder's order. Each exists
 * if its key or its base URL is set; without a key clients bring their own.
 */
export function legacyDrafts(
  values: Legacy,
  resolved: readonly ResolvedValue[],
  report: Report,
): ProviderDraft[] {
  const origin = (key: LegacyKey): string => originOf(resolved, key)
  const bedrock = bedrockFields(values, origin)
  const isBedrock = bedrock.has('BEDROCK_REGION') || bedrock.has('BEDROCK_BASE_URL')
  if (isBedrock && values.anthropicKey !== undefined) {
    report.problems.push(
      `${origin('anthropicKey')} and CODER_AIBRIDGE_BEDROCK_* are mutually exclusive: remove one or the other`,
    )
  }

  const drafts: ProviderDraft[] = []
  const add = (type: 'openai' | 'anthropic', extra: ReadonlyMap<FieldName, Found>): void => {
    const keyName = `${type}Key` as const
    const urlName = `${type}BaseUrl` as const
    const url = values[urlName]
    const from = values[keyName] === undefined ? origin(urlName) : origin(keyName)
    if (values[keyName] === undefined && url === undefined && extra.size === 0) return
    const fields = new Map<FieldName, Found>(extra)
    fields.set('TYPE', { text: type, origin: from })
    if (url !== undefined) fields.set('BASE_URL', { text: url.text, origin: origin(urlName) })
    const label = from === '' ? origin('bedrockRegion') || origin('bedrockBaseUrl') : from
    const awsKeys = extra.size === 0 ? undefined : legacyAwsKeys(values, report)
    drafts.push({ label, kind: 'legacy', fields, key: values[keyName], awsKeys, from: label })
  }
  add('openai', new Map())
  add('anthropic', isBedrock ? bedrock : new Map())
  return drafts
}

function bedrockFields(values: Legacy, origin: (key: LegacyKey) => string): Map<FieldName, Found> {
  const fields = new Map<FieldName, Found>()
  const { bedrockRegion, bedrockBaseUrl } = values
  if (bedrockRegion !== undefined) {
    fields.set('BEDROCK_REGION', { text: bedrockRegion, origin: origin('bedrockRegion') })
  }
  if (bedrockBaseUrl !== undefined) {
    fields.set('BEDROCK_BASE_URL', { text: bedrockBaseUrl.text, origin: origin('bedrockBaseUrl') })
  }
  fields.set('BEDROCK_MODEL', { text: values.bedrockModel, origin: origin('bedrockModel') })
  fields.set('BEDROCK_SMALL_FAST_MODEL', {
    text: values.bedrockSmallFastModel,
    origin: origin('bedrockSmallFastModel'),
  })
  return fields
}

function legacyAwsKeys(
  { bedrockAccessKey: id, bedrockAccessKeySecret: secret }: Legacy,
  report: Report,
): AwsKeys | undefined {
  if (id !== undefined && secret !== undefined) return { id, secret }
  if (id !== undefined || secret !== undefined) {
    report.problems.push(
      'CODER_AIBRIDGE_BEDROCK_ACCESS_KEY and CODER_AIBRIDGE_BEDROCK_ACCESS_KEY_SECRET must be set together',
    )
  }
  return undefined
}

function originOf(resolved: readonly ResolvedValue[], key: LegacyKey): string {
  const option = OPTIONS.legacy[key]
  return resolved.find(value => value.option === option)?.origin ?? ''
}
