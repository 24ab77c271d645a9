import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate with its key, as text and as files. */
export interface IssuedCertificate {
  readonly certPem: string
  readonly keyPem: string
  readonly certFile: string
  readonly keyFile: string
}

/** A throwaway CA. Its directory goes away with the process. */
export interface TestPki extends IssuedCertificate {
  readonly dir: string
  /** A server certificate for `names` (DNS names and IP literals), two days. */
  issue(names: readonly string[], keyType?: 'ec' | 'rsa'): IssuedCertificate
  /** A client certificate; `subject` as in `/CN=ada`, `names` as in `URI:spiffe://x/y`. */
  issueClient(subject: string, names?: string): IssuedCertificate
  /** The same, over since yesterday. */
  issueExpiredClient(subject: string): IssuedCertificate
}

const OPENSSL_CONFIG = `
[req]
distinguished_name = subject
prompt = no
[subject]
CN = test
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
`

let shared: TestPki | undefined

/** The CA that all servers of this process share; `localhost` is the usual name. */
export function testPki(): TestPki {
  shared ??= createPki('Test root')
  return shared
}

/** A CA of its own, for tests in which somebody must not be trusted. */
export function createPki(commonName: string): TestPki {
  const dir = mkdtempSync(join(tmpdir(), 'aibridge-pki-'))
  if (directories.length === 0) process.once('exit', removeDirectories)
  directories.push(dir)
  writeFileSync(join(dir, 'openssl.cnf'), OPENSSL_CONFIG)

  const root = selfSign(dir, 'ca', ['-subj', `/CN=${commonName}`, '-extensions', 'ca'])
  const signer = ['-CA', root.certFile, '-CAkey', root.keyFile]
  const issued = new Map<string, IssuedCertificate>()

  const issue: TestPki['issue'] = (names, keyType = 'ec') => {
    const san = names.map(name => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',')
    const place = `${keyType} ${san}`
    const known = issued.get(place)
    if (known) return known

    const subject = ['-subj', `/CN=${names[0] ?? 'test'}`, '-extensions', 'server']
    const alternatives = ['-addext', `subjectAltName=${san}`]
    const options = [...signer, ...subject, ...alternatives]
    const made = selfSign(dir, `server-${issued.size}`, options, NEW_KEY[keyType])
    issued.set(place, made)
    return made
  }

  let clients = 0
  const issueClient = (subject: string, names?: string): IssuedCertificate => {
    clients += 1
    const alternatives = names === undefined ? [] : ['-addext', `subjectAltName=${names}`]
    const options = [...signer, '-subj', subject, '-extensions', 'client', ...alternatives]
    return selfSign(dir, `client-${clients}`, options)
  }
  const issueExpiredClient = (subject: string): IssuedCertificate => {
    const made = issueClient(subject)
    const input = execFileSync('openssl', ['req', '-new', '-subj', subject, '-key', made.keyFile])
    const extensions = ['-extfile', join(dir, 'openssl.cnf'), '-extensions', 'client']
    const again = ['x509', '-req', ...signer, '-CAcreateserial', '-days', '-1', ...extensions]
    const certPem = execFileSync('openssl', again, { input, stdio: 'pipe', encoding: 'utf8' })
    return { ...made, certPem }
  }

  return { ...root, dir, issue, issueClient, issueExpiredClient }
}

const directories: string[] = []
function removeDirectories(): void {
  for (const dir of directories) rmSync(dir, { recursive: true, force: true })
}

const NEW_KEY = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
}

function selfSign(
  dir: string,
  name: string,
  options: readonly string[],
  newKey = NEW_KEY.ec,
): IssuedCertificate {
  const certFile = join(dir, `${name}.pem`)
  const keyFile = join(dir, `${name}.key`)
  const key = [...newKey, '-nodes']
  const files = ['-config', join(dir, 'openssl.cnf'), '-keyout', keyFile, '-out', certFile]
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, ...files, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })

  return {
    certFile,
    keyFile,
    certPem: readFileSync(certFile, 'utf8'),
    keyPem: readFileSync(keyFile, 'utf8'),
  }
}
