import { randomBytes } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file so that a reader sees the old one or the new one, also after a
 * power cut: a temporary file beside it, fsync, rename, fsync of the directory.
 * `mode` is set as given, whatever the umask.
 */
export async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  await writeThenMove(file, { text, mode }, async temporary => await rename(temporary, file))
}

/**
 * The same, but fails with EEXIST when the file is there already, even if
 * somebody else puts it there at the same moment.
 */
export async function createFile(file: string, text: string, mode: number): Promise<void> {
  await writeThenMove(file, { text, mode }, async temporary => await link(temporary, file))
}

async function writeThenMove(
  file: string,
  content: { readonly text: string; readonly mode: number },
  move: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, content).catch((error: unknown) => {
      throw new Error(`${file} cannot be written`, { cause: error })
    })
    await move(temporary)
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(file))
}

async function writeFile(
  file: string,
  { text, mode }: { readonly text: string; readonly mode: number },
): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
