import type { Option } from '../option.ts'
import { shownGroups } from './groups.ts'

/** The options, by group, for the end of `--help`. */
export function helpText(): string {
  const groups = shownGroups().map(({ group, options }) =>
    [`${group.name}: ${group.description}`, ...options.map(describe)].join('\n'),
  )
  return [
    'Options (the variable in brackets does the same; flag > variable > YAML file > default):',
    ...groups,
    'Providers are set by CODER_AIBRIDGE_PROVIDER_<N>_<KEY>; see docs/reference/config.md.',
    '',
  ].join('\n\n')
}

function describe(option: Option<unknown>): string {
  const value = option.type.label === 'bool' ? '[=false]' : ` <${option.type.label}>`
  const notes = [`Default: ${option.defaultText}.`]
  if (option.effect === 'none-yet') notes.push('No effect yet.')
  const text = `${option.description} ${notes.join(' ')}`
  return `  --${option.flag}${value}  [${option.env}]\n${wrap(text, 86, '      ')}`
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = []
  let line = indent.trimEnd()
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width && line.trim() !== '') {
      lines.push(line)
      line = ''
    }
    line = line.trim() === '' ? `${indent}${word}` : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
