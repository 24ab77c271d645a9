import type { Secret } from '../../kernel/secret.ts'
import { type Files, readSecretFile } from '../read-file.ts'
import type { Report } from '../report.ts'
import { secret } from '../types/scalar.ts'
import type { ProviderDraft } from './draft.ts'
import type { FieldName } from './fields.ts'

const MOST_KEYS = 5

/**
 * The central keys of a provider, from KEY, KEYS or KEY_FILE.
 *
 * SECURITY: no message quotes a key, or a part of one.
 */
export function readKeys(draft: ProviderDraft, files: Files): readonly Secret[] {
  const { report } = files
  if (draft.key !== undefined) return [draft.key]
  const given = (['KEY', 'KEYS', 'KEY_FILE'] as const).filter(name => draft.fields.has(name))
  if (given.length > 1) {
    const names = given.join(' and ')
    report.problems.push(`${draft.label}: ${names} are mutually exclusive: keep one`)
  }
  const file = draft.fields.get('KEY_FILE')
  if (file !== undefined && given.length === 1) {
    const content = readSecretFile(file.text, file.origin, files)
    return content === undefined ? [] : parseKeys(draft, [content.text], report)
  }
  return parseKeys(draft, listOf(draft, 'KEY', report), report)
}

/** Checks a pair such as KEY and KEYS, and gives the entries of the one set. */
export function listOf(
  draft: ProviderDraft,
  single: FieldName & ('KEY' | 'BEDROCK_ACCESS_KEY' | 'BEDROCK_ACCESS_KEY_SECRET'),
  report: Report,
): readonly string[] {
  const one = draft.fields.get(single)
  const many = draft.fields.get(`${single}S`)
  if (one !== undefined && many !== undefined && single !== 'KEY') {
    report.problems.push(
      `${draft.label}: ${single} and ${single}S are mutually exclusive: keep one`,
    )
  }
  if (many === undefined) return one === undefined ? [] : [one.text]

  const entries = many.text.split(',').map(entry => entry.trim())
  const complain = (problem: string): void => {
    report.problems.push(`${draft.label}: ${single}S: ${problem}`)
  }
  if (entries.length > MOST_KEYS) {
    complain(`too many keys (${entries.length}), maximum is ${MOST_KEYS}`)
  }
  for (const [index, entry] of entries.entries()) {
    if (entry === '') complain(`key at index ${index} is empty`)
    else if (entries.indexOf(entry) < index) complain(`duplicate key at index ${index}`)
  }
  return entries.filter(entry => entry !== '')
}

function parseKeys(draft: ProviderDraft, texts: readonly string[], report: Report): Secret[] {
  return texts.flatMap(text => {
    const result = secret.parse(text)
    if (result.ok) return [result.value]
    report.problems.push(`${draft.label}: KEY: ${result.problem}`)
    return []
  })
}
