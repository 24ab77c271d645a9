import { readFile, stat } from 'node:fs/promises'

/** Where the system keeps names that it knows without asking. */
const HOSTS_FILE =
  process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts'

/** Whether the machine's own list has this name, lower case, without a dot at its end. */
export type IsListed = (name: string) => Promise<boolean>

/** Looks into the hosts file, which is read again when it has changed (hosts(5)). */
export function createHostsFile(file = HOSTS_FILE): IsListed {
  let version = ''
  let names: ReadonlySet<string> = new Set()

  return async name => {
    try {
      const { ino, size, mtimeMs } = await stat(file)
      const current = `${ino} ${size} ${mtimeMs}`
      if (current !== version) {
        names = namesIn(await readFile(file, 'utf8'))
        version = current
      }
    } catch {
      // Without a list nothing is on it.
      names = new Set()
      version = ''
    }
    return names.has(name)
  }
}

/** Each line is an address and its names; what follows a `#` is a comment. */
function namesIn(text: string): ReadonlySet<string> {
  const lines = text.toLowerCase().split('\n')
  return new Set(lines.flatMap(line => (line.split('#')[0] ?? '').trim().split(/\s+/).slice(1)))
}
