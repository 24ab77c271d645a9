import { unescaped } from '../../kernel/percent.ts'
import { Secret } from '../../kernel/secret.ts'
import { isLocalhostName } from '../../kernel/target.ts'
import type { ValueType } from '../option.ts'
import { type Parsed, parsed, quote, unparsable } from '../parsed.ts'

/** A PostgreSQL server, and how to be sure that it is the one that is meant. */
export interface PostgresServer {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: Secret | undefined
  readonly tls: TlsMode
  readonly rootCertFile: string | undefined
  /** Our own certificate, where the server asks for one. */
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

/** As libpq has them: encrypted only, by our CA whatever the name, or by CA and name. */
type TlsMode = 'disable' | 'require' | 'verify-ca' | 'verify-full'

const MODES: readonly TlsMode[] = ['disable', 'require', 'verify-ca', 'verify-full']
const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host']
const FORM = 'use postgres://user:password@host:5432/database?sslmode=verify-full'

/** `postgres://…`. No problem repeats the URL: it holds the password. */
export const postgresUrl: ValueType<PostgresServer> = {
  label: 'secret',
  list: false,
  parse(text) {
    if (!/^postgres(ql)?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) {
      return unparsable(`the value is no PostgreSQL URL: ${FORM}`)
    }
    const url = new URL(text)
    const database = unescaped(url.pathname.slice(1))
    const user = unescaped(url.username)
    const password = unescaped(url.password)
    if (database === undefined || user === undefined || password === undefined) {
      return unparsable('the URL is not percent-encoded correctly: write % as %25')
    }
    if (user === '') return unparsable(`the URL names no user: ${FORM}`)
    if (database.includes('/')) return unparsable(`the URL names no database: ${FORM}`)
    const parameters = readParameters(url)
    if (!parameters.ok) return parameters
    const server = readServer(url, parameters.value)
    if (!server.ok) return server
    return parsed({
      ...server.value,
      user,
      database: database === '' ? user : database,
      password: password === '' ? undefined : new Secret(password),
    })
  },
  format: () => '[secret]',
  json: () => '',
}

type Parameters = ReadonlyMap<string, string>

function readParameters({ searchParams }: URL): Parsed<Parameters> {
  const found = new Map<string, string>()
  for (const [name, value] of searchParams) {
    if (!PARAMETERS.includes(name)) {
      return unparsable(
        `the URL has a parameter that is not known: only ${PARAMETERS.join(', ')} are`,
      )
    }
    if (found.has(name))
      return unparsable(`the URL has the parameter ${quote(name)} twice: keep one`)
    found.set(name, value)
  }
  return parsed(found)
}

type Address = Pick<
  PostgresServer,
  'host' | 'port' | 'tls' | 'rootCertFile' | 'certFile' | 'keyFile'
>

function readServer(url: URL, parameters: Parameters): Parsed<Address> {
  const host = parameters.get('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === '') return unparsable(`the URL names no host: ${FORM}`)
  if (host.includes(',')) return unparsable('the URL names several hosts: name one')
  const given = parameters.get('sslmode')
  // SECURITY: prompts and hashes of tokens must not cross a network in clear by accident.
  const tls = given ?? (isThisMachine(host) ? 'disable' : 'verify-full')
  const mode = MODES.find(known => known === tls)
  if (mode === undefined) {
    return unparsable(`sslmode is not accepted: use one of ${MODES.join(', ')}`)
  }
  const rootCertFile = parameters.get('sslrootcert')
  if (mode === 'verify-ca' && rootCertFile === undefined) {
    return unparsable(
      'sslmode=verify-ca needs sslrootcert, or anybody with a certificate would do: name the file of its CA there',
    )
  }
  const [certFile, keyFile] = [parameters.get('sslcert'), parameters.get('sslkey')]
  if ((certFile === undefined) !== (keyFile === undefined)) {
    return unparsable('sslcert and sslkey belong together: set both, or neither')
  }
  const port = url.port === '' ? 5432 : Number(url.port)
  return parsed({
    host,
    port,
    // libpq (PostgreSQL manual, 34.19.1): with a root certificate `require` verifies the chain.
    tls: mode === 'require' && rootCertFile !== undefined ? 'verify-ca' : mode,
    rootCertFile,
    certFile,
    keyFile,
  })
}

function isThisMachine(host: string): boolean {
  return host.startsWith('/') || isLocalhostName(host) || /^(127\.[\d.]+|::1)$/.test(host)
}
