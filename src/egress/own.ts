import { networkInterfaces } from 'node:os'
import { type Address, parseAddress } from '../kernel/address.ts'
import type { ListenAddress } from '../kernel/target.ts'

/** Whether an address and port are one of this daemon's own listeners. */
export type Own = (address: Address, port: number) => boolean

/** The addresses of this machine, canonical text. */
export type LocalAddresses = () => readonly string[]

/**
 * Recognises own listeners. `listeners` gives what is bound now, as the sockets
 * report it. A wildcard bind is every address of this machine, in both
 * families, as is a listener given by a name.
 */
export function createOwn(
  listeners: () => readonly ListenAddress[],
  localAddresses: LocalAddresses = interfaceAddresses,
): Own {
  return (address, port) =>
    listeners().some(listener => {
      if (listener.port !== port) return false
      const bound = parseAddress(listener.host)
      const wildcard = bound === undefined || bound.bytes.every(byte => byte === 0)
      return wildcard ? isLocal(address, localAddresses) : bound.text === address.text
    })
}

function isLocal(address: Address, localAddresses: LocalAddresses): boolean {
  // Linux takes the whole of 127/8 as local, without an interface listing it.
  const loopback = address.family === 4 ? address.bytes[0] === 127 : address.text === '::1'
  return loopback || localAddresses().includes(address.text)
}

/** Asking the kernel costs 0.1 ms, and a hostile answer has thousands of addresses. */
let thisTurn: readonly string[] | undefined

/** As they are now: an address that was added a moment ago counts. */
function interfaceAddresses(): readonly string[] {
  if (thisTurn === undefined) {
    thisTurn = Object.values(networkInterfaces()).flatMap(infos =>
      (infos ?? []).flatMap(info => parseAddress(info.address)?.text ?? []),
    )
    queueMicrotask(() => {
      thisTurn = undefined
    })
  }
  return thisTurn
}
