import { cidrContains, parseCidr } from '../../kernel/address.ts'
import { addressText, hostText, isLoopbackHost, type ListenAddress } from '../../kernel/target.ts'
import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'
import { readHost } from './host.ts'

/** IPv4 in IPv6 form (RFC 4291 2.5.5.2). */
const MAPPED = parseCidr('::ffff:0:0/96')
const FORMS = 'use host:port, for example 127.0.0.1:8888, or :8888 for all interfaces'

/** `host:port`; an empty host is every interface, port 0 any free port. */
export const listenAddress: ValueType<ListenAddress> = {
  label: 'listen address',
  list: false,
  parse(text) {
    const [, hostPart, portPart] = /^(.*):(\d{1,5})$/s.exec(text) ?? []
    const port = Number(portPart)
    if (hostPart === undefined || port > 65_535) {
      return unparsable(`${quote(text)} is not a listen address: ${FORMS}`)
    }
    if (hostPart === '') return parsed({ host: '', port })
    const host = readHost(hostPart)
    if (!host.ok) {
      return unparsable(`${quote(text)} is not a listen address: ${FORMS}`)
    }
    // SECURITY: bound like this, nobody would know the IPv4 listener for our own.
    if (host.value.kind === 'address' && MAPPED && cidrContains(MAPPED, host.value.address)) {
      return unparsable(`${quote(text)} is IPv4 in IPv6 form: write the IPv4 address itself`)
    }
    return parsed({ host: hostText(host.value), port })
  },
  format: ({ host, port }) => addressText(host, port),
  json: value => (value === undefined ? '' : listenAddress.format(value)),
}

/** Whether only this machine can reach the listener. */
export function isLoopbackListener(listen: ListenAddress): boolean {
  const host = readHost(addressText(listen.host))
  return host.ok && isLoopbackHost(host.value)
}

/** Whether both cannot be bound at once; port 0 never collides. */
export function collide(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port === 0 || one.port !== other.port) return false
  const every = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::'
  return one.host === other.host || every(one.host) || every(other.host)
}
