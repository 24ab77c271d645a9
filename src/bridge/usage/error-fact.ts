import { asName, asObject, type JsonObject } from './json-value.ts'

export interface ErrorFact {
  readonly type: string | null
  readonly message: string | null
}

const MAX_MESSAGE = 4096

/**
 * The provider's own error in an object that carries one: `{ error: {…} }` as
 * OpenAI, Anthropic and Google have it, or `{ error: "text" }`, or a bare
 * `{ message }`. Google's type is its `status`.
 */
export function errorFact(value: JsonObject): ErrorFact | undefined {
  const text = asName(value['error'])
  if (text !== undefined) return fact(undefined, text)
  const error = asObject(value['error'])
  if (error === undefined) {
    const bare = asName(value['message'])
    return bare === undefined ? undefined : fact(asName(value['code']), bare)
  }
  const type = asName(error['type']) ?? asName(error['status']) ?? asName(error['code'])
  return fact(type, asName(error['message']))
}

function fact(type: string | undefined, message: string | undefined): ErrorFact {
  return { type: type ?? null, message: message?.slice(0, MAX_MESSAGE) ?? null }
}
