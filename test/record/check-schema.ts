import type { FieldSchema, LOG_SCHEMA } from '../../src/record/log-schema.ts'

type Value = Readonly<Record<string, unknown>>

/** What is wrong with a line, for the part of JSON Schema that ours uses. */
export function checkAgainst(schema: typeof LOG_SCHEMA, line: Value): string[] {
  const type = line['record_type']
  const shape = schema.oneOf.find(one => one.properties['record_type']?.const === type)
  if (shape === undefined) return [`no shape for ${String(type)}`]
  const missing = shape.required.filter(key => !(key in line)).map(key => `${key} is missing`)
  const wrong = Object.entries(line).flatMap(([key, value]) => {
    const field = shape.properties[key]
    if (field === undefined) return [`${key} is not in the schema`]
    return fits(field, value) ? [] : [`${key} is ${JSON.stringify(value)}`]
  })
  return [...missing, ...wrong]
}

function fits(field: FieldSchema, value: unknown): boolean {
  if (field.const !== undefined && value !== field.const) return false
  if (field.enum !== undefined && !field.enum.includes(String(value))) return false
  if (field.pattern !== undefined && !new RegExp(field.pattern).test(String(value))) return false
  if (field.format === 'date-time' && new Date(String(value)).toISOString() !== value) return false
  const types = [field.type ?? []].flat()
  return types.length === 0 || types.includes(typeOf(value))
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Number.isInteger(value) ? 'integer' : typeof value
}
