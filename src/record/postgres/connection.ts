import { readFileSync } from 'node:fs'
import { checkServerIdentity } from 'node:tls'
import { Client, type ClientConfig } from 'pg'
import type { ServerData } from './server-data.ts'

const CONNECT_MS = 4000
/** Longer than the server itself lets a statement take, for when it is not to be heard. */
const QUERY_MS = 12_000

const OID = { bool: 16, int8: 20, int2: 21, int4: 23, float8: 701, numeric: 1700 }
const NUMBERS: readonly number[] = [OID.int8, OID.int2, OID.int4, OID.float8, OID.numeric]

/**
 * One connection, not opened yet.
 * @throws Error when a certificate cannot be read
 */
export function createClient(server: ServerData, queryMs = QUERY_MS): Client {
  const { host, port, user, database, password } = server
  const config: ClientConfig & { readonly pipeline: boolean } = {
    host,
    port,
    user,
    database,
    // A function, so that nothing looks for a password elsewhere.
    password: () => password ?? '',
    ssl: tlsOptions(server),
    application_name: 'aibridgeproxyd',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: queryMs,
    keepAlive: true,
    pipeline: true,
    types: { getTypeParser: parserOf },
  }
  return new Client(config)
}

function tlsOptions(server: ServerData): ClientConfig['ssl'] {
  const { tls, rootCertFile, certFile, keyFile } = server
  if (tls === 'disable') return false
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls !== 'require',
    checkServerIdentity: tls === 'verify-full' ? checkServerIdentity : () => undefined,
    ...(rootCertFile !== undefined && { ca: readPem(rootCertFile, 'sslrootcert') }),
    ...(certFile !== undefined && { cert: readPem(certFile, 'sslcert') }),
    ...(keyFile !== undefined && { key: readPem(keyFile, 'sslkey') }),
  }
}

function readPem(file: string, parameter: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`${parameter} of CODER_PG_CONNECTION_URL`, { cause: error })
  }
}

/** Our integers are safe ones; everything else that we ask for is text. */
function parserOf(oid: number): (text: string) => unknown {
  if (NUMBERS.includes(oid)) return Number
  return oid === OID.bool ? text => text === 't' : text => text
}
