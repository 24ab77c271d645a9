/**
 * Whether some reader between us and the provider could take a part of this
 * path for a step out of its place: `.` and `..` plainly or escaped, behind
 * `/`, `\` or their escapes, with or without `;parameters` (RFC 3986 3.3, 6.2.2).
 * Escapes are undone once, as a server would; `%252e` stays what it is.
 */
export function hasDotSegment(path: string): boolean {
  return withoutQuery(path)
    .replace(/%2e/gi, '.')
    .split(/[/\\]|%2f|%5c/i)
    .some(segment => /^\.{1,2}(;.*)?$/.test(segment))
}

interface Mapping {
  /** What the base URL's path stands for in the caller's path. */
  readonly routePrefix: '' | '/v1'
  /** Path of the base URL without a trailing slash. */
  readonly basePath: string
  /** The client addressed the provider's own host. */
  readonly ownHost: boolean
}

/**
 * The path at the provider: the route prefix is replaced by the base URL's
 * path, once; what is outside the prefix goes to the base path less its own
 * trailing prefix. A path that already is the provider's own stays. Bytes of
 * path and query are kept as they are.
 */
export function upstreamPath(path: string, { routePrefix, basePath, ownHost }: Mapping): string {
  const root = rootOf(basePath, routePrefix)
  if (root !== '' && isUnder(path, root)) return path
  if (isUnder(path, routePrefix)) return absolute(basePath + path.slice(routePrefix.length))
  return ownHost ? path : absolute(root + path)
}

/** The forms of the caller's path, without query, in which the lists may name it. */
export function listedForms(
  path: string,
  { routePrefix, basePath }: Omit<Mapping, 'ownHost'>,
): string[] {
  const plain = withoutQuery(path)
  const root = rootOf(basePath, routePrefix)
  const own = root === '' ? undefined : below(plain, root)
  const forms = [
    below(plain, routePrefix),
    below(plain, basePath === '' ? undefined : basePath),
    own,
    below(own, routePrefix),
  ]
  return forms.filter(form => form !== undefined)
}

/** A query may hold a credential. */
export function withoutQuery(path: string): string {
  const end = path.indexOf('?')
  return end < 0 ? path : path.slice(0, end)
}

/** Whether an entry of a list names a path; see `ProviderType`. */
export function isListedAs(entry: string, path: string): boolean {
  const star = entry.indexOf('*')
  if (star < 0) return entry.endsWith('/') ? path.startsWith(entry) : path === entry
  const [head, tail] = [entry.slice(0, star), entry.slice(star + 1)]
  if (!path.startsWith(head) || !path.endsWith(tail)) return false
  const part = path.slice(star, path.length - tail.length)
  return part !== '' && !part.includes('/')
}

/** The base path less the route prefix at its end: what all of the provider's paths share. */
function rootOf(basePath: string, routePrefix: string): string {
  return basePath.endsWith(routePrefix)
    ? basePath.slice(0, basePath.length - routePrefix.length)
    : basePath
}

function below(path: string | undefined, prefix: string | undefined): string | undefined {
  if (path === undefined || prefix === undefined || !isUnder(path, prefix)) return undefined
  return path.slice(prefix.length)
}

function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false
  const next = path[prefix.length]
  return prefix === '' || next === undefined || next === '/' || next === '?'
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
