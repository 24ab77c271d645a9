/**
 * Whether some reader between us and the provider could take a part of this
 * path for a step out of its place: `.` and `..` plainly or escaped, behind
 * `/`, `\` or their escapes, with or without `;parameters` (RFC 3986 3.3, 6.2.2).
 * Escapes are undone once, as a server would; `%252e` stays what it is.
 */
export function hasDotSegment(path: string): boolean {
  const end = path.indexOf('?')
  const pathOnly = end < 0 ? path : path.slice(0, end)
  return pathOnly
    .replace(/%2e/gi, '.')
    .split(/[/\\]|%2f|%5c/i)
    .some(segment => /^\.{1,2}(;.*)?$/.test(segment))
}

interface Mapping {
  /** What the base URL's path stands for in the caller's path. */
  readonly routePrefix: '' | '/v1'
  /** Path of the base URL without a trailing slash. */
  readonly basePath: string
}

/**
 * The path at the provider: the route prefix is replaced by the base URL's
 * path, once; what is outside the prefix goes to the base path less its own
 * trailing prefix. A path that already is the provider's own stays. Bytes of
 * path and query are kept as they are.
 */
export function upstreamPath(path: string, { routePrefix, basePath }: Mapping): string {
  if (basePath !== '' && basePath !== routePrefix && isUnder(path, basePath)) return path
  if (isUnder(path, routePrefix)) return absolute(basePath + path.slice(routePrefix.length))
  const outside = basePath.endsWith(routePrefix)
    ? basePath.slice(0, basePath.length - routePrefix.length)
    : basePath
  return absolute(outside + path)
}

/** The caller's path without query and route prefix: what the lists name. */
export function routeSuffix(path: string, routePrefix: '' | '/v1'): string | undefined {
  const end = path.indexOf('?')
  const pathOnly = end < 0 ? path : path.slice(0, end)
  return isUnder(pathOnly, routePrefix) ? pathOnly.slice(routePrefix.length) : undefined
}

/** The same for a path that already is the provider's own, and stays. */
export function baseSuffix(path: string, basePath: string): string | undefined {
  const pathOnly = path.split('?', 1)[0] ?? path
  return basePath !== '' && isUnder(pathOnly, basePath)
    ? pathOnly.slice(basePath.length)
    : undefined
}

function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false
  const next = path[prefix.length]
  return prefix === '' || next === undefined || next === '/' || next === '?'
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
