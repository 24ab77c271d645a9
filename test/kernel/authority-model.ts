import { isIPv4, isIPv6 } from 'node:net'

/**
 * The grammar of an authority as one expression, with Node's own address
 * checks and the URL class for the spelling of IPv6: written to agree with
 * `kernel/target.ts` and sharing nothing with it. Gives the canonical text, or
 * undefined for what has to be refused.
 */
export function authorityByModel(text: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+)):([1-9]\d{0,4})$/i.exec(text)
  if (match === null) return undefined
  const [, inner, name, port] = match
  if (Number(port) >= 2 ** 16) return undefined
  const host = inner === undefined ? nameByModel(name ?? '') : ipv6ByModel(inner)
  return host === undefined ? undefined : `${host}:${port}`
}

function ipv6ByModel(inner: string): string | undefined {
  return isIPv6(inner) ? new URL(`http://[${inner}]/`).hostname : undefined
}

function nameByModel(mixed: string): string | undefined {
  const name = mixed.toLowerCase()
  const isNumeric = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)
  if (isNumeric) return isIPv4(name) ? name : undefined
  if (name.length >= 254) return undefined
  return /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/.test(name)
    ? name
    : undefined
}
