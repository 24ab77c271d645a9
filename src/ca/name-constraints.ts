import { type Element, readElements } from './der-reader.ts'
import { contextConstructed, contextPrimitive, type Der, sequence } from './der-writer.ts'
import { type HostForm, hostForm } from './host-form.ts'

/** GeneralName tags of RFC 5280 4.2.1.6. */
const DNS_NAME = 2
const DIRECTORY_NAME = 4
const IP_ADDRESS = 7

/** Address and mask, 8 or 32 bytes: every IPv4, every IPv6 address. */
const ALL_IPV4 = new Uint8Array(8)
const ALL_IPV6 = new Uint8Array(32)

/** What one certificate's name constraints say about the two forms that we mint. */
export interface NameConstraints {
  readonly permitted: Subtrees
  readonly excluded: Subtrees
  /** There are directory names among them, which bind a leaf's subject. */
  readonly subjects: boolean
}

interface Subtrees {
  readonly dns: readonly string[]
  readonly ip: readonly Uint8Array[]
}

/**
 * The extension's value for a CA that may sign for `hosts` only. A name form
 * that has no permitted subtree is unlimited (RFC 5280 4.2.1.10), so the form
 * that no host uses is excluded as a whole.
 */
export function nameConstraintsFor(hosts: readonly string[]): Der {
  const forms = hosts.map(hostForm)
  const names = forms.filter(form => form.kind === 'dns')
  const addresses = forms.filter(form => form.kind === 'ip')

  const permitted = [
    ...names.map(form => dnsSubtree(form.name)),
    ...addresses.map(form => ipSubtree(singleAddress(form.bytes))),
  ]
  const excluded = [
    ...(names.length === 0 ? [dnsSubtree('')] : []),
    ...(addresses.length === 0 ? [ipSubtree(ALL_IPV4), ipSubtree(ALL_IPV6)] : []),
  ]

  return sequence(
    ...(permitted.length === 0 ? [] : [contextConstructed(0, ...permitted)]),
    ...(excluded.length === 0 ? [] : [contextConstructed(1, ...excluded)]),
  )
}

/** Reads the extension's value; the forms that we never mint are ignored. */
export function readNameConstraints(value: Element): NameConstraints {
  const parts = readElements(value.contents)
  return {
    permitted: subtrees(basesOf(parts, 0xa0)),
    excluded: subtrees(basesOf(parts, 0xa1)),
    subjects: [...basesOf(parts, 0xa0), ...basesOf(parts, 0xa1)].some(
      base => base.tag === (0xa0 | DIRECTORY_NAME),
    ),
  }
}

/** RFC 5280 4.2.1.10 for one certificate; a chain permits what all of it permits. */
export function constraintsPermit(constraints: NameConstraints, host: HostForm): boolean {
  const { permitted, excluded } = constraints
  if (host.kind === 'dns') {
    const within = (base: string): boolean => nameWithin(host.name, base)
    return (permitted.dns.length === 0 || permitted.dns.some(within)) && !excluded.dns.some(within)
  }
  const within = (block: Uint8Array): boolean => addressWithin(host.bytes, block)
  return (permitted.ip.length === 0 || permitted.ip.some(within)) && !excluded.ip.some(within)
}

/** As the operator reads it: `api.example.com`, `10.0.0.0/255.0.0.0`. */
export function describeSubtrees(side: Subtrees): string[] {
  return [
    ...side.dns.map(name => (name === '' ? 'every name' : name)),
    ...side.ip.map(describeBlock),
  ]
}

function basesOf(parts: readonly Element[], tag: number): Element[] {
  return parts
    .filter(part => part.tag === tag)
    .flatMap(part => readElements(part.contents))
    .flatMap(subtree => readElements(subtree.contents).slice(0, 1))
}

function subtrees(bases: readonly Element[]): Subtrees {
  return {
    dns: bases
      .filter(base => base.tag === (0x80 | DNS_NAME))
      .map(base => Buffer.from(base.contents).toString('latin1').toLowerCase()),
    ip: bases.filter(base => base.tag === (0x80 | IP_ADDRESS)).map(base => base.contents),
  }
}

/** `example.com` holds itself and what is below; `.example.com` only what is below. */
function nameWithin(name: string, base: string): boolean {
  if (base === '') return true
  if (base.startsWith('.')) return name.endsWith(base)
  return name === base || name.endsWith(`.${base}`)
}

function addressWithin(address: Uint8Array, block: Uint8Array): boolean {
  if (block.length !== address.length * 2) return false
  return address.every((byte, i) => {
    const mask = block[address.length + i] ?? 0
    return (byte & mask) === ((block[i] ?? 0) & mask)
  })
}

function dnsSubtree(name: string): Der {
  return sequence(contextPrimitive(DNS_NAME, Buffer.from(name, 'latin1')))
}

function ipSubtree(block: Uint8Array): Der {
  return sequence(contextPrimitive(IP_ADDRESS, block))
}

function singleAddress(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes, ...bytes.map(() => 0xff)])
}

function describeBlock(block: Uint8Array): string {
  const half = block.length / 2
  const text = (bytes: Uint8Array): string =>
    half === 4
      ? bytes.join('.')
      : (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':')
  if (block.every(byte => byte === 0))
    return half === 4 ? 'every IPv4 address' : 'every IPv6 address'
  return `${text(block.subarray(0, half))}/${text(block.subarray(half))}`
}
