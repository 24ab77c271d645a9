import { quote } from '../parsed.ts'
import type { Report } from '../report.ts'
import { suggestion } from '../suggest.ts'
import type { Found, YamlFile } from '../yaml-file.ts'
import type { ProviderDraft } from './draft.ts'
import { FIELD_NAMES, type FieldName, isFieldName, yamlFieldName } from './fields.ts'

const PREFIXES = ['CODER_AIBRIDGE_PROVIDER_', 'CODER_AI_GATEWAY_PROVIDER_'] as const

type Env = Readonly<Record<string, string | undefined>>
type Entries = Map<number, Map<FieldName, Found>>

/** Whether a variable belongs to an indexed provider. */
export function isProviderVariable(name: string): boolean {
  return PREFIXES.some(prefix => name.startsWith(prefix))
}

/**
 * The providers of the YAML list and of `CODER_AIBRIDGE_PROVIDER_<N>_<KEY>`,
 * in order of N. A variable adds to, or overrides, the entry of the list with
 * the same number: that is how an entry in the file gets its key.
 */
export function indexedDrafts(env: Env, yaml: YamlFile, report: Report): ProviderDraft[] {
  const entries: Entries = new Map()
  for (const [index, fields] of yaml.providers.entries()) {
    entries.set(index, fromYaml(index, fields, report))
  }
  const names = Object.keys(env).filter(isProviderVariable).sort()
  refuseBothPrefixes(names, report)
  for (const name of names) readVariable(name, env[name] ?? '', entries, report)

  const numbers = [...entries.keys()].sort((a, b) => a - b)
  const gap = numbers.findIndex((number, index) => number !== index)
  if (gap >= 0) {
    report.problems.push(`provider num ${gap} skipped: number providers from 0 without gaps`)
  }
  return numbers.map(number => {
    const fields = entries.get(number) ?? new Map<FieldName, Found>()
    const from = fields.get('TYPE')?.origin ?? ''
    return { label: `provider ${number}`, kind: 'indexed', fields, key: undefined, from }
  })
}

function readVariable(name: string, text: string, entries: Entries, report: Report): void {
  const rest = name.slice(PREFIXES.find(prefix => name.startsWith(prefix))?.length)
  const [, digits, key] = /^([^_]+)_(.+)$/s.exec(rest) ?? []
  if (digits === undefined || key === undefined) {
    report.problems.push(`invalid env var: ${name}: use ${PREFIXES[0]}<N>_<KEY>`)
    return
  }
  if (!/^(0|[1-9]\d{0,3})$/.test(digits)) {
    report.problems.push(
      `parse number: ${name}: ${quote(digits)} is not a provider number: use 0, 1, 2 and so on`,
    )
    return
  }
  const index = Number(digits)
  const fields = entries.get(index) ?? new Map<FieldName, Found>()
  entries.set(index, fields)

  const fieldName = key.toUpperCase()
  if (!isFieldName(fieldName)) {
    const fix = suggestion(fieldName, FIELD_NAMES, `the fields are ${FIELD_NAMES.join(', ')}`)
    report.warnings.push(`ignoring unknown AI provider field (check for typos): ${name}: ${fix}`)
    return
  }
  // Coder takes an empty variable for an absent one.
  if (text !== '') fields.set(fieldName, { text, origin: name })
}

function fromYaml(
  index: number,
  found: ReadonlyMap<string, Found>,
  report: Report,
): Map<FieldName, Found> {
  const fields = new Map<FieldName, Found>()
  const known = FIELD_NAMES.flatMap(name => yamlFieldName(name) ?? [])
  for (const [key, value] of found) {
    const fieldName = key.toUpperCase()
    if (isFieldName(fieldName) && known.includes(key)) {
      if (value.text !== '') fields.set(fieldName, value)
    } else if (isFieldName(fieldName) && key === key.toLowerCase()) {
      const variable = `${PREFIXES[0]}${index}_${fieldName}`
      report.problems.push(`${value.origin}: secrets are not read from YAML: use ${variable}`)
    } else {
      const fix = suggestion(key, known, `the keys are ${known.join(', ')}`)
      report.problems.push(`${value.origin}: unknown key: ${fix}`)
    }
  }
  return fields
}

function refuseBothPrefixes(names: readonly string[], report: Report): void {
  if (!PREFIXES.every(prefix => names.some(name => name.startsWith(prefix)))) return
  report.problems.push(
    `cannot mix ${PREFIXES[0]}* and ${PREFIXES[1]}* environment variables, please consolidate onto ${PREFIXES[1]}*`,
  )
}
