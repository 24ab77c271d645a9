/** RFC 9325 and the grading of common scanners agree on these. */
const AEAD = /GCM|CHACHA20|CCM/
const FORWARD_SECRET = /^(TLS_|ECDHE-|DHE-)/
const SIGNATURES = /^(ecdsa-with-SHA(256|384|512)|sha(256|384|512)WithRSAEncryption)$/
const MIN_GROUP_BITS = 112

/** What is wrong with a server, by the XML that sslscan prints. */
export function judgeScan(xml: string): {
  readonly found: readonly string[]
  readonly suites: number
} {
  const suites = elements(xml, 'cipher')
  const old = elements(xml, 'protocol')
    .filter(each => each['enabled'] === '1' && !/^1\.[23]$/.test(each['version'] ?? ''))
    .map(each => `${each['type']} ${each['version']} is enabled`)
  const weak = suites
    .map(each => each['cipher'] ?? '')
    .filter(name => !AEAD.test(name) || !FORWARD_SECRET.test(name))
    .map(name => `suite ${name}`)
  const groups = elements(xml, 'group')
    .filter(each => Number(each['bits']) < MIN_GROUP_BITS)
    .map(each => `group ${each['name']}`)
  const holes = [
    ...elements(xml, 'heartbleed').filter(each => each['vulnerable'] !== '0'),
    ...elements(xml, 'renegotiation').filter(each => each['supported'] !== '0'),
    ...elements(xml, 'compression').filter(each => each['supported'] !== '0'),
  ].map(each => `hole: ${JSON.stringify(each)}`)
  const signature = /<signature-algorithm>([^<]*)</.exec(xml)?.[1] ?? 'none'
  return {
    found: [
      ...old,
      ...weak,
      ...groups,
      ...holes,
      ...(SIGNATURES.test(signature) ? [] : [`certificate signed with ${signature}`]),
      // A scan that saw nothing has shown nothing.
      ...(suites.length === 0 ? ['no suite was accepted'] : []),
    ],
    suites: suites.length,
  }
}

/** Attributes of all elements of a name; sslscan's XML is flat and regular. */
function elements(xml: string, name: string): Readonly<Record<string, string>>[] {
  return Array.from(xml.matchAll(new RegExp(`<${name} ([^>]*)/>`, 'g')), ([, attributes = '']) =>
    Object.fromEntries(
      Array.from(attributes.matchAll(/(\w+)="([^"]*)"/g), ([, key = '', value = '']) => [
        key,
        value,
      ]),
    ),
  )
}
