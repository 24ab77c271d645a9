export interface PemBlock {
  readonly label: string
  /** The block with its boundary lines and a newline at the end. */
  readonly text: string
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----[\s\S]*?-----END \1-----/g

/** Every block of a PEM file; text between blocks is commentary (RFC 7468 2). */
export function pemBlocks(text: string): PemBlock[] {
  return Array.from(text.matchAll(BLOCK), match => ({
    label: match[1] ?? '',
    text: `${match[0].replaceAll('\r\n', '\n')}\n`,
  }))
}

/** `match` and not `replace`: no empty line when the last one is full. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
