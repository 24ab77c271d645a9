import { unescaped } from '../../kernel/percent.ts'
import type { RequestFacts, WireFormat } from '../../kernel/usage.ts'
import { anthropicRequest } from './anthropic-request.ts'
import { chatRequest } from './chat-request.ts'
import { geminiRequest } from './gemini-request.ts'
import type { JsonObject } from './json-value.ts'
import { responsesRequest } from './responses-request.ts'

/** A request that could not be read, or had no body. */
export const UNKNOWN_REQUEST: RequestFacts = {
  model: null,
  streaming: null,
  prompt: null,
  correlatingToolCallId: null,
  bodySessionId: null,
}

/** Characters of a prompt that are kept: a longer one would stall whoever gets it. */
const MAX_PROMPT = 4 * 1024 * 1024

/** Characters of names and ids: more than any provider gives out. */
const MAX_NAME = 256

/** What a request says of itself; `path` holds model and method of some formats. */
export function requestFacts(format: WireFormat, body: JsonObject, path: string): RequestFacts {
  const facts = read(format, body, path)
  return {
    ...facts,
    model: facts.model?.slice(0, MAX_NAME) ?? null,
    prompt: facts.prompt?.slice(0, MAX_PROMPT) ?? null,
    correlatingToolCallId: facts.correlatingToolCallId?.slice(0, MAX_NAME) ?? null,
    bodySessionId: facts.bodySessionId?.slice(0, MAX_NAME) ?? null,
  }
}

function read(format: WireFormat, body: JsonObject, path: string): RequestFacts {
  switch (format) {
    case 'anthropic-messages':
      return anthropicRequest(body)
    case 'bedrock-messages':
      return { ...anthropicRequest(body), ...bedrockPath(path) }
    case 'openai-chat':
      return chatRequest(body)
    case 'openai-responses':
      return responsesRequest(body)
    case 'gemini':
      return geminiRequest(body, path)
  }
}

/** `/model/<id>/invoke` and `/model/<id>/invoke-with-response-stream`. */
function bedrockPath(path: string): Pick<RequestFacts, 'model' | 'streaming'> {
  const match = /\/model\/([^/?]+)\/(invoke(?:-with-response-stream)?)(?:\?|$)/.exec(path)
  return {
    model: match?.[1] === undefined ? null : (unescaped(match[1]) ?? match[1]),
    streaming: match === null ? null : match[2] !== 'invoke',
  }
}
