/** What a value parser gives back: the value, or what is wrong and the fix. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string }

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function unparsable(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem }
}

/** A value as problems show it: quoted, on one line, of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

/**
 * A URL as problems may show it.
 *
 * SECURITY: whatever stands before an `@` may be a password and whatever
 * follows a `?` may be a token, also in text that no URL parser accepts.
 */
export function quoteUrl(text: string): string {
  const at = text.lastIndexOf('@')
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? ''
  const visible = at < 0 ? text : `${scheme}[secret]${text.slice(at)}`
  return quote(visible.replace(/[?#].*$/s, ''))
}
