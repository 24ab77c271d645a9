import type { RequestFacts } from '../../kernel/usage.ts'
import { asName, asObject, type JsonObject, objectsOf } from './json-value.ts'

/**
 * A request of Google's generateContent. Model and method are in the path
 * (`/v1beta/models/<model>:streamGenerateContent`); Code Assist has the model in
 * the body and the rest under `request`. The last text of the last user content
 * is the prompt; an answer to a function call is what links threads.
 */
export function geminiRequest(body: JsonObject, path: string): RequestFacts {
  const [, model, method] = /\/models\/([^/:?]+):(\w+)/.exec(path) ?? []
  const action = method ?? /:(\w+)/.exec(path)?.[1]
  const inner = asObject(body['request']) ?? body
  const last = objectsOf(inner['contents']).at(-1)
  const parts = objectsOf(last?.['parts'])
  const role = last?.['role']
  const texts = parts.map(part => asName(part['text'])).filter(text => text !== undefined)
  const answered = parts.map(part => asName(asObject(part['functionResponse'])?.['id']))
  return {
    model: model ?? asName(body['model']) ?? null,
    streaming: action === undefined ? null : action === 'streamGenerateContent',
    prompt: role === undefined || role === 'user' ? (texts.at(-1) ?? null) : null,
    correlatingToolCallId: answered.findLast(id => id !== undefined) ?? null,
    bodySessionId: null,
  }
}
