import { Secret } from '../../kernel/secret.ts'
import { hostHeader, hostText, makeTarget, type Origin } from '../../kernel/target.ts'
import type { ValueType } from '../option.ts'
import { type Parsed, parsed, quoteUrl, unparsable } from '../parsed.ts'
import { readHost } from './host.ts'

/** A base URL: origin, and a path without its trailing slash. */
export interface BaseUrl {
  readonly origin: Origin
  readonly path: string
  /** As the operator wrote it. */
  readonly text: string
}

/** An upstream proxy's URL; the credentials are decoded, `user:password`. */
export interface ProxyUrl {
  readonly origin: Origin
  readonly credentials: Secret | undefined
}

/** `complaint` opens every problem, as in `invalid base URL`. */
export function baseUrl(complaint: string): ValueType<BaseUrl> {
  return {
    label: 'URL',
    list: false,
    parse(text) {
      const problem = (why: string) => unparsable(`${complaint} ${quoteUrl(text)}: ${why}`)
      const url = httpUrl(text)
      if (!url.ok) return problem(url.problem)
      if (hasUserinfo(text)) return problem('it must not contain credentials')
      if (/[?#]/.test(text)) return problem('it must not have a query or a fragment')
      const origin = originOf(url.value)
      if (!origin.ok) return problem(origin.problem)
      return parsed({ origin: origin.value, path: url.value.pathname.replace(/\/+$/, ''), text })
    },
    format: value => value.text,
    json: value => value?.text ?? '',
  }
}

/** `http(s)://[user[:password]@]host[:port]`. */
export const proxyUrl: ValueType<ProxyUrl> = {
  label: 'URL',
  list: false,
  parse(text) {
    const problem = (why: string) =>
      unparsable(`invalid upstream proxy URL ${quoteUrl(text)}: ${why}`)
    const url = httpUrl(text)
    if (!url.ok) return problem(url.problem)
    if (url.value.pathname !== '/' || /[?#]/.test(text)) {
      return problem('it must have neither path, query nor fragment')
    }
    const origin = originOf(url.value)
    if (!origin.ok) return problem(origin.problem)
    if (!hasUserinfo(text)) return parsed({ origin: origin.value, credentials: undefined })
    if (url.value.username === '' && url.value.password === '') {
      return unparsable(
        `upstream proxy URL ${quoteUrl(text)} has invalid credentials: both username and password are empty`,
      )
    }
    const credentials = decodeCredentials(url.value)
    if (!credentials.ok) return problem(credentials.problem)
    return parsed({ origin: origin.value, credentials: credentials.value })
  },
  format: ({ origin, credentials }) =>
    `${origin.protocol}://${credentials === undefined ? '' : '[secret]@'}${origin.target.text}`,
  json: value => (value === undefined ? '' : proxyUrl.format(value)),
}

export function formatOrigin(origin: Origin): string {
  return `${origin.protocol}://${hostHeader(origin)}`
}

function httpUrl(text: string): Parsed<URL> {
  // The URL parser drops blanks and line breaks without a word.
  if (!/^https?:\/\/[^\s\\]+$/i.test(text) || !URL.canParse(text)) {
    return unparsable('use http://host:port or https://host')
  }
  return parsed(new URL(text))
}

function originOf(url: URL): Parsed<Origin> {
  const protocol = url.protocol === 'https:' ? 'https' : 'http'
  const host = readHost(url.hostname)
  if (!host.ok) return host
  const port = url.port === '' ? (protocol === 'https' ? 443 : 80) : Number(url.port)
  if (port === 0) return unparsable(`port 0 cannot be reached at ${hostText(host.value)}`)
  return parsed({ protocol, target: makeTarget(host.value, port) })
}

/** Also true for an empty one (`http://@host`), which the URL parser forgets. */
function hasUserinfo(text: string): boolean {
  return /^[a-z]+:\/\/[^/?#]*@/i.test(text)
}

function decodeCredentials(url: URL): Parsed<Secret> {
  try {
    const user = decodeURIComponent(url.username)
    // RFC 7617 2: a colon in the user name would move part of it to the password.
    if (user.includes(':')) return unparsable('the user name must not contain a colon')
    return parsed(new Secret(`${user}:${decodeURIComponent(url.password)}`))
  } catch {
    return unparsable('the credentials are not percent-encoded correctly: write % as %25')
  }
}
