import { X509Certificate } from 'node:crypto'

/**
 * The certificates of a PEM bundle, or `undefined` when there is none or one
 * of them cannot be read. A comment between them is dropped.
 */
export function certificatesOf(text: string): string | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
  if (blocks === null) return undefined
  try {
    return blocks.map(block => new X509Certificate(block).toString()).join('')
  } catch {
    return undefined
  }
}
