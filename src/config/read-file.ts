import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

const MAX_MIB = 16

/**
 * The text of a file that the operator names. SECURITY: a reload reads while
 * streams wait, so it must not wait for the writer of a FIFO, nor read a device
 * that has no end. Throws with the cause as `code`.
 */
export function readFile(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw fault('not a regular file')
    if (stats.size > MAX_MIB * 2 ** 20) throw fault(`more than ${MAX_MIB} MiB`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code })
}
