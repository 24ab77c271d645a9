/** What a row may hold, in characters; clients and providers choose the text. */
const NAME_LENGTH = 256
const LINE_LENGTH = 2048
const TEXT_LENGTH = 1024 * 1024

/** A model, a tool, an id: one short line without control characters. */
export function boundName(text: string): string {
  return flatten(cut(text, NAME_LENGTH))
}

/** A path, a message, a user agent. */
export function boundLine(text: string): string {
  return flatten(cut(text, LINE_LENGTH))
}

/** A prompt, arguments, a thought: kept as it is up to a million characters. */
export function boundText(text: string): string {
  return cut(text, TEXT_LENGTH)
}

/** A counter as SQLite's integers take it; null for what is no count. */
export function wholeNumber(value: number | null | undefined): number | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null
  return Math.min(Math.max(Math.round(value), 0), Number.MAX_SAFE_INTEGER)
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}

function flatten(text: string): string {
  return text.replace(/\p{Cc}/gu, mark => `\\x${mark.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
