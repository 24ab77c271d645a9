import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib'
import { errorCode } from '../../kernel/error.ts'
import { headerValues, type RawHeaders } from '../../kernel/headers.ts'

/** A coding that we can undo. */
type Coding = 'gzip' | 'deflate' | 'br' | 'zstd'

const CODINGS: Readonly<Record<string, Coding>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
}

const MAX_CODINGS = 2

/**
 * A body that grows more than this on decoding, and beyond the allowance, is a
 * bomb: answers of models shrink to a fiftieth at most.
 */
export const MAX_RATIO = 256
export const RATIO_ALLOWANCE = 4 * 1024 * 1024

/**
 * The codings of a body in the order in which they were applied (RFC 9110
 * 8.4); `undefined` when one is unknown or there are more than two.
 */
export function codingsOf(headers: RawHeaders): readonly string[] | undefined {
  const names = headerValues(headers, 'content-encoding')
    .flatMap(value => value.split(','))
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '' && name !== 'identity')
  const known = names.every(name => Object.hasOwn(CODINGS, name))
  return known && names.length <= MAX_CODINGS ? names : undefined
}

/**
 * Undoes the codings. A body that was cut off gives what came before the cut.
 * @throws Error of zlib when it is damaged or grows beyond `maxBytes`
 */
export function decodeBody(body: Buffer, codings: readonly string[], maxBytes: number): Buffer {
  const limit = Math.min(maxBytes, Math.max(RATIO_ALLOWANCE, body.length * MAX_RATIO))
  return codings.reduceRight<Buffer>((bytes, name) => {
    const coding = CODINGS[name]
    return coding === undefined || bytes.length === 0 ? bytes : decode(bytes, coding, limit)
  }, body)
}

function decode(bytes: Buffer, coding: Coding, maxOutputLength: number): Buffer {
  switch (coding) {
    case 'gzip':
      return gunzip(bytes, maxOutputLength)
    case 'deflate': {
      const inflate = hasZlibHeader(bytes) ? inflateSync : inflateRawSync
      return inflate(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
    }
    case 'br':
      return brotliDecompressSync(bytes, {
        maxOutputLength,
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
      })
    case 'zstd':
      return zstdDecompressSync(bytes, {
        maxOutputLength,
        finishFlush: constants.ZSTD_e_flush,
        // SECURITY: the frame says how much memory it needs; 2^25 is RFC 8878's 8 MiB and room.
        params: { [constants.ZSTD_d_windowLogMax]: 25 },
      })
  }
}

function gunzip(bytes: Buffer, maxOutputLength: number): Buffer {
  const options = { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }
  try {
    return gunzipSync(bytes, options)
  } catch (error) {
    const start = errorCode(error) === 'Z_DATA_ERROR' ? gzipDataAt(bytes) : undefined
    if (start === undefined) throw error
    // What stands behind the data, or a wrong sum of it, does not make it wrong.
    return inflateRawSync(bytes.subarray(start), options)
  }
}

/** Where the deflate data begins (RFC 1952 2.3); undefined for what is no gzip. */
function gzipDataAt(bytes: Buffer): number | undefined {
  const flags = bytes[3] ?? 0
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return undefined
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + ((bytes[at + 1] ?? 0) << 8)
  for (const text of [8, 16]) {
    if ((flags & text) !== 0) at = bytes.indexOf(0, at) + 1
  }
  return (flags & 2) !== 0 ? at + 2 : at
}

/** RFC 1950 2.2; some servers send bare deflate data under the same name. */
function hasZlibHeader(bytes: Buffer): boolean {
  const first = bytes[0] ?? 0
  return (first & 0x0f) === 8 && ((first << 8) | (bytes[1] ?? 0)) % 31 === 0
}
