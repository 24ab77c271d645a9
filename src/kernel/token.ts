/** What every caller's token begins with: 256 random bits in base64url follow. */
export const TOKEN_PREFIX = 'aibp_'

const TOKEN = new RegExp(`${TOKEN_PREFIX}[A-Za-z0-9_-]{43}`)
const ALL = new RegExp(TOKEN.source, 'g')
const WHOLE = new RegExp(`^${TOKEN.source}$`)

/** Whether this can be one of ours at all; anything else needs no looking up. */
export function isTokenShaped(text: string): boolean {
  return WHOLE.test(text)
}

/** Whether one of ours, anybody's, stands somewhere in a text. */
export function holdsTokenShape(text: string): boolean {
  return TOKEN.test(text)
}

/** A text for the log, without tokens of ours. */
export function withoutTokens(text: string): string {
  return text.replace(ALL, '[secret]')
}

/** Whether this can be a token of a Coder deployment: an id of ten, a secret of 22. */
export function isCoderTokenShaped(text: string): boolean {
  return /^[A-Za-z0-9]{10}-[A-Za-z0-9]{22}$/.test(text)
}
