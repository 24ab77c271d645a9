import { X509Certificate } from 'node:crypto'
import { quote } from './parsed.ts'
import { type Files, unreadable } from './read-file.ts'

/**
 * The PEM of a file of roots. `undefined` where none is named, or with a
 * problem; `what` says which, and names its option.
 */
export function readRoots(
  what: string,
  path: string | undefined,
  { readFile, report }: Files,
): string | undefined {
  if (path === undefined) return undefined
  try {
    const pem = certificatesOf(readFile(path))
    if (pem !== undefined) return pem
    report.problems.push(
      `failed to parse ${what}: ${quote(path)} holds no readable PEM certificate: put the CA's there`,
    )
  } catch (error) {
    report.problems.push(unreadable(`failed to read ${what}`, path, error))
  }
  return undefined
}

/**
 * The certificates of a PEM bundle, or `undefined` when there is none or one
 * of them cannot be read. A comment between them is dropped.
 */
function certificatesOf(text: string): string | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
  if (blocks === null) return undefined
  try {
    return blocks.map(block => new X509Certificate(block).toString()).join('')
  } catch {
    return undefined
  }
}
