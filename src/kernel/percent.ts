/** Percent escapes undone (RFC 3986 2.1); undefined where one of them is none. */
export function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
