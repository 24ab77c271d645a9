import { hash } from 'node:crypto'

/**
 * The UUID of a user, which Coder's API shows beside the name. Users are not
 * rows here, so it is made from the name (RFC 9562 5.8, version 8).
 */
export function userId(name: string): string {
  const bytes = hash('sha256', `aibridgeproxyd user ${name}`, 'buffer').subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** User names stand in logs and counters: no blanks, no controls, nothing beyond ASCII. */
export function isUserName(text: string, longest = 256): boolean {
  return text.length <= longest && /^[\x21-\x7e]+$/.test(text)
}
