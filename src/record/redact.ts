const MASK = '[redacted]'

/**
 * Shapes of secrets that have one, with the prefix that stays so that a reader
 * still sees what was there. Every repetition is bounded, so that no text makes
 * them slow. Order matters: the longer form first.
 */
const PATTERNS: readonly (readonly [pattern: RegExp, kept: string])[] = [
  // PEM private keys; an unfinished one to the end of the text.
  [
    /-----BEGIN ([A-Z0-9 ]{0,40})PRIVATE KEY( BLOCK)?-----[^]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
    '-----BEGIN $1PRIVATE KEY$2-----',
  ],
  // JSON Web Tokens: three base64url parts, the first two JSON objects.
  [/\beyJ[\w-]{8,4096}\.eyJ[\w-]{4,8192}\.[\w-]{0,2048}/g, ''],
  // URLs with a password.
  [/\b([a-z][a-z0-9+.-]{1,30}:\/\/[^\s:/?#@]{0,256}:)[^\s@/]{1,512}(?=@)/gi, '$1'],
  // AWS: key ids by their prefixes, secrets by what stands before them.
  [/\b(A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g, '$1'],
  [/(aws.{0,20}?(?:secret|session).{0,20}?['"]?\s{0,4}[:=]\s{0,4}['"]?)[\w/+=]{30,2048}/gi, '$1'],
  // Keys with a vendor's prefix.
  [/\b(aibp_)[\w-]{20,256}/g, '$1'],
  [/\b(sk-ant-|sk-proj-|sk-or-|sk-svcacct-|sk-)[\w-]{16,512}/g, '$1'],
  [/\b(gh[pousr]_|github_pat_)\w{20,255}/g, '$1'],
  [/\b(glpat-|gldt-|glrt-)[\w-]{20,255}/g, '$1'],
  [/\b(xox[abeoprs]-|xapp-)[\w-]{10,255}/g, '$1'],
  [/\b(AIza)[\w-]{35}/g, '$1'],
  [/\b(ya29\.)[\w-]{20,1024}/g, '$1'],
  [/\b([rsp]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,255}/g, '$1'],
  [/\b(npm_)[A-Za-z0-9]{36}/g, '$1'],
  [/\b(pypi-)[\w-]{50,512}/g, '$1'],
  [/\b(hf_|gsk_|xai-|r8_|dop_v1_|nvapi-|SG\.|hvs\.|pplx-)[\w.-]{20,512}/g, '$1'],
  // Headers and assignments that say what they are.
  [/\b((?:Bearer|Basic|token)\s{1,4})[\w.~+/=-]{16,4096}/gi, '$1'],
  [
    /\b((?:api[_-]?key|secret[_-]?key|client[_-]?secret|access[_-]?token|auth[_-]?token|refresh[_-]?token|passw(?:or)?d|private[_-]?key)['"]?\s{0,4}[:=]\s{0,4}['"]?)[^\s'",;&]{6,1024}/gi,
    '$1',
  ],
]

/** Masks what looks like a secret: keys, tokens, passwords in URLs. Never throws. */
export function redact(text: string): string {
  let result = text
  for (const [pattern, kept] of PATTERNS) result = result.replace(pattern, `${kept}${MASK}`)
  return result
}
