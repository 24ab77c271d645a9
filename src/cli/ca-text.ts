import type { AuthorityFiles } from '../ca/authority.ts'
import type { AuthorityDescription } from '../ca/describe-authority.ts'

/** What `ca init` and `ca show` print, one fact a line. */
export function formatAuthority(
  description: AuthorityDescription,
  files: AuthorityFiles & { readonly bundleFile?: string },
): string {
  const { subject, issuer, names, certificates } = description
  const facts: (readonly [string, string])[] = [
    ['Subject', subject],
    ...(issuer === subject ? [] : [['Issuer', issuer] as const]),
    ['SHA-256', description.fingerprint],
    ['Valid', `${iso(description.validFrom)} to ${iso(description.expiresAt)}`],
    ['Key type', description.keyType],
    ['Permitted', names === undefined ? 'any host (no name constraints)' : listed(names.permitted)],
    ...(names === undefined ? [] : [['Excluded', listed(names.excluded)] as const]),
    ...(certificates === 1 ? [] : [['Chain', `${certificates} certificates`] as const]),
    ['Certificate', files.certFile],
    ['Private key', files.keyFile],
    ...(files.bundleFile === undefined ? [] : [['Bundle', files.bundleFile] as const]),
  ]
  return facts.map(([name, value]) => `${name.padEnd(13)}${value}\n`).join('')
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? '-' : names.join(', ')
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}
