import { type FieldSchema, LOG_SCHEMA } from './log-schema.ts'

/** `docs/reference/structured-log.md`. */
export function logReference(): string {
  const sections = LOG_SCHEMA.oneOf.map(({ description, properties, required }) => {
    const type = properties['record_type']?.const ?? ''
    const rows = Object.entries(properties)
      .filter(([name]) => required.includes(name) && !COMMON.includes(name))
      .map(([name, field]) => `| \`${name}\` | ${typeOf(field)} | ${field.description ?? ''} |`)
    return `## \`${type}\`

${description}

| field | type | |
|---|---|---|
${rows.join('\n')}
`
  })
  return `# Structured log

With \`structured_logging\` each record of the books is one JSON line as well, once it
is durable. Every line has \`level\` (\`info\`), \`time\` (RFC 3339), \`msg\`
(\`interception log\`) and \`record_type\`. Lines of a chain have \`chain\`, \`position\`,
\`prev_hash\` and \`hash\` besides, which \`aibridgeproxyd audit verify\` checks. The same
as JSON Schema: [structured-log.schema.json](../schema/structured-log.schema.json).

${sections.join('\n')}`
}

const COMMON: readonly string[] = ['level', 'time', 'msg', 'record_type']

function typeOf(field: FieldSchema): string {
  if (field.enum !== undefined) return field.enum.map(value => `\`${value}\``).join(', ')
  if (field.format === 'date-time') return 'time'
  return [field.type ?? []].flat().join(' or ')
}
