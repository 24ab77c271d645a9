import { asText, type JsonObject, parseObject } from '../usage/json-value.ts'

/** The arguments of a call, while they come in pieces. */
const PARTIAL = Symbol('partial input')

type Growing = JsonObject & { readonly [PARTIAL]?: string }

/** A content block with one more piece of what it is made of. */
export function growBlock(block: Growing, delta: JsonObject): JsonObject {
  switch (delta['type']) {
    case 'text_delta':
      return appended(block, 'text', delta)
    case 'thinking_delta':
      return appended(block, 'thinking', delta)
    case 'signature_delta':
      return appended(block, 'signature', delta)
    case 'citations_delta': {
      const { citations } = block
      return {
        ...block,
        citations: [...(Array.isArray(citations) ? citations : []), delta['citation']],
      }
    }
    case 'input_json_delta': {
      const input = (block[PARTIAL] ?? '') + (asText(delta['partial_json']) ?? '')
      return Object.assign({ ...block }, { [PARTIAL]: input })
    }
    default:
      return block
  }
}

/** The block as the provider wants it back. */
export function wholeBlock(block: Growing): JsonObject {
  const text = block[PARTIAL]
  if (text === undefined || text === '') return block
  return { ...block, input: parseObject(text) ?? {} }
}

function appended(block: JsonObject, key: string, delta: JsonObject): JsonObject {
  return { ...block, [key]: (asText(block[key]) ?? '') + (asText(delta[key]) ?? '') }
}
