import type { CallToolResult } from '@modelcontextprotocol/client'

/** More than a model has use for; the rest is left out. */
const MAX_TEXT = 256 * 1024

/**
 * What a tool answered, as one text: pictures and the like as their JSON. Halves
 * of characters, which many parsers of JSON refuse, are replaced.
 */
export function toolText({ content, structuredContent }: CallToolResult): string {
  const parts = content.map(part => (part.type === 'text' ? part.text : JSON.stringify(part)))
  const text =
    parts.length === 0 && structuredContent !== undefined
      ? JSON.stringify(structuredContent)
      : parts.join('\n')
  const cut = text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}\n[cut]`
  return cut.toWellFormed()
}
