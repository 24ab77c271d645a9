import type { Option } from '../option.ts'
import { FIELD_NAMES, PROVIDER_FIELDS, yamlFieldName } from '../providers/fields.ts'
import { exampleText, shownGroups } from './groups.ts'

/** What the example files show for a provider; the other fields stay empty. */
const PROVIDER_EXAMPLE: Readonly<Record<string, string>> = {
  TYPE: 'openai',
  NAME: 'openai-eu',
  BASE_URL: 'https://gateway.example/openai/v1/',
  HOSTS: 'api.openai.com,gateway.example',
  ALLOW_INSECURE_HTTP: 'false',
}

const HEAD = [
  'Every option, with its default or, where it has none, an example.',
  'Made from the option table: `npm run docs`. Explained in docs/reference/config.md.',
]

/** `deploy/env.example`: loads as it is and with every line uncommented. */
export function exampleEnv(): string {
  const groups = shownGroups().flatMap(({ group, options }) => [
    `# --- ${group.name}: ${group.description}`,
    '',
    ...options.flatMap(option => [
      ...about(option).map(line => `# ${line}`),
      `#${option.env}=${option.secret ? '' : exampleText(option)}`,
      '',
    ]),
  ])
  const fields = FIELD_NAMES.flatMap(name => [
    `# ${PROVIDER_FIELDS[name].description}`,
    `#CODER_AIBRIDGE_PROVIDER_0_${name}=${PROVIDER_EXAMPLE[name] ?? ''}`,
  ])
  return [
    ...HEAD.map(line => `# ${line}`),
    '',
    ...groups,
    '# --- Providers: one block for each, numbered from 0. They replace the default list.',
    '',
    ...fields,
    '',
  ].join('\n')
}

/** `deploy/config.example.yaml`: loads as it is and with every line uncommented. */
export function exampleYaml(): string {
  const root: Section = { lines: [], sections: new Map() }
  for (const { options } of shownGroups()) {
    for (const option of options) {
      const section = (option.yaml ?? []).slice(0, -1).reduce(enter, root)
      const key = option.yaml?.at(-1)
      if (key === undefined) continue
      const comments = about(option).map(line => `# ${line}`)
      section.lines.push(
        ...comments,
        `#${key}: ${yamlText(exampleText(option), option.type.list)}`,
        '',
      )
    }
  }
  enter(root, 'aibridge').lines.push(...yamlProviders())
  const head = [...HEAD, 'Secrets are not read from this file: use variables or files.']
  return [...head.map(line => `# ${line}`), '', ...render(root, '')].join('\n')
}

interface Section {
  readonly lines: string[]
  readonly sections: Map<string, Section>
}

function enter(section: Section, name: string): Section {
  const inner = section.sections.get(name) ?? { lines: [], sections: new Map() }
  section.sections.set(name, inner)
  return inner
}

function render(section: Section, indent: string): string[] {
  const inner = [...section.sections].flatMap(([name, child]) => [
    `${indent}${name}:`,
    ...render(child, `${indent}  `),
  ])
  return [...section.lines.map(line => (line === '' ? '' : `${indent}${line}`)), ...inner]
}

function yamlProviders(): string[] {
  const lines = [
    '# Providers, which replace the default list. Their keys: CODER_AIBRIDGE_PROVIDER_<N>_KEY.',
  ]
  for (const name of FIELD_NAMES) {
    const key = yamlFieldName(name)
    if (key === undefined) continue
    const value = PROVIDER_EXAMPLE[name]
    const text =
      value === undefined ? '' : ` ${yamlText(value, PROVIDER_FIELDS[name].type.includes('list'))}`
    const lead = name === 'TYPE' ? '#providers:\n  #  - ' : '#    '
    lines.push(...`${lead}${key}:${text}`.split('\n  '))
  }
  return [...lines, '']
}

function about(option: Option<unknown>): string[] {
  if (option.effect === 'yes') return [option.description]
  return [`${option.description} No effect yet.`]
}

function yamlText(text: string, list: boolean): string {
  return list ? `[${text.split(',').map(scalar).join(', ')}]` : scalar(text)
}

/** Plain where YAML reads the same text back, else in single quotes. */
function scalar(text: string): string {
  const plain = /^[\w/.][\w/.+-]*(:[\w/.+-]+)*$/.test(text)
  return plain ? text : `'${text.replaceAll("'", "''")}'`
}
