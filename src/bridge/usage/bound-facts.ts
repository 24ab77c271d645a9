import type { ResponseFacts } from '../../kernel/usage.ts'

/** Characters of names and ids: more than any provider gives out. */
const MAX_NAME = 256

/** The same facts with names and ids of a size that fits into every row. */
export function boundFacts(facts: ResponseFacts): ResponseFacts {
  return {
    ...facts,
    responseId: bound(facts.responseId),
    model: bound(facts.model),
    errorType: bound(facts.errorType),
    tools: facts.tools.map(tool => ({
      ...tool,
      callId: bound(tool.callId),
      name: tool.name.slice(0, MAX_NAME),
      serverUrl: bound(tool.serverUrl),
    })),
  }
}

function bound(text: string | null): string | null {
  return text?.slice(0, MAX_NAME) ?? null
}
