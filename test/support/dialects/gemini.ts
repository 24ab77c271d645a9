import type { JsonObject } from '../json.ts'
import { ANSWER_PIECES, ANSWER_TEXT, ANSWER_USAGE, type Answer, jsonAnswer } from './answer.ts'

const MODEL_CALL = /^\/v1(?:alpha|beta)?\/models\/([^/:]+):(\w+)$/

/** Google's Gemini API: blocking, streamed and token counting. */
export function geminiAnswer(method: string, path: string): Answer | undefined {
  const [, model = '', action = ''] = MODEL_CALL.exec(path) ?? []
  if (method !== 'POST') return undefined

  switch (action) {
    case 'generateContent':
      return jsonAnswer(content(model, ANSWER_TEXT, true))
    case 'countTokens':
      return jsonAnswer({ totalTokens: ANSWER_USAGE.input })
    case 'streamGenerateContent':
      return streamed(model)
    default:
      return undefined
  }
}

/** Google ends its events with CRLF, unlike the others. */
function streamed(model: string): Answer {
  const last = ANSWER_PIECES.length - 1
  const events = ANSWER_PIECES.map((piece, index) => content(model, piece, index === last))
  const chunks = events.map(event => `data: ${JSON.stringify(event)}\r\n\r\n`)
  return { contentType: 'text/event-stream', chunks }
}

function content(model: string, text: string, last: boolean): JsonObject {
  const candidate = { content: { parts: [{ text }], role: 'model' }, index: 0 }
  return {
    candidates: [last ? { ...candidate, finishReason: 'STOP' } : candidate],
    usageMetadata: {
      promptTokenCount: ANSWER_USAGE.input,
      candidatesTokenCount: ANSWER_USAGE.output,
      totalTokenCount: ANSWER_USAGE.input + ANSWER_USAGE.output,
    },
    modelVersion: model,
    responseId: 'local-1',
  }
}

export function geminiError(status: number, text: string): string {
  return JSON.stringify({ error: { code: status, message: text, status: 'NOT_FOUND' } })
}
