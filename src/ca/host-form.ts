import ipaddr from 'ipaddr.js'

/** A host as certificates see it: a DNS name, or the bytes of an address. */
export type HostForm =
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'ip'; readonly bytes: Uint8Array }

const NAME = /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/

/**
 * Hosts come from configuration in canonical form; this is the last guard
 * before a name is signed. Throws RangeError for wildcards, NUL, upper case,
 * trailing dots, zones, empty or overlong names.
 */
export function hostForm(host: string): HostForm {
  if (
    ipaddr.IPv4.isValidFourPartDecimal(host) ||
    (/^[0-9a-f:.]+$/.test(host) && ipaddr.IPv6.isValid(host))
  ) {
    return { kind: 'ip', bytes: Uint8Array.from(ipaddr.parse(host).toByteArray()) }
  }
  if (host.length > 253 || !NAME.test(host)) {
    throw new RangeError(
      `${JSON.stringify(host.slice(0, 80))} is not a host that a certificate can name`,
    )
  }
  return { kind: 'dns', name: host }
}
