import { LRUCache } from 'lru-cache'
import type { Statement } from '../work.ts'

/** A statement as the wire has it: numbered parameters, and their values. */
export interface WireStatement {
  readonly text: string
  readonly values: (string | number | null)[]
}

interface Translation {
  readonly text: string
  readonly names: readonly string[]
}

const MAX_KNOWN = 512
const known = new LRUCache<string, Translation>({ max: MAX_KNOWN })

/** A quoted text or name, which is left alone, or a parameter, or a word that is refused. */
const TOKEN = /'[^']*'|"[^"]*"|:([a-zA-Z_]+)|(?<![.\w])user(?!\w)/g

/**
 * @throws TypeError when a parameter has no value, or `user` stands without
 * quotes: PostgreSQL would take it for the name of its own role, without a word
 */
export function toWire({ sql, values }: Statement): WireStatement {
  let translation = known.get(sql)
  if (translation === undefined) {
    translation = translate(sql)
    known.set(sql, translation)
  }
  const { text, names } = translation
  return {
    text,
    values: names.map(name => {
      const value = values[name]
      if (value === undefined) throw new TypeError(`:${name} has no value`)
      // PostgreSQL cannot store the character NUL; a prompt may well hold it.
      return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value
    }),
  }
}

function translate(sql: string): Translation {
  const names: string[] = []
  const text = sql.replace(TOKEN, (token, name?: string) => {
    if (token === 'user') throw new TypeError('"user" must be in quotes')
    if (name === undefined) return token
    const place = names.indexOf(name)
    return `$${place < 0 ? names.push(name) : place + 1}`
  })
  return { text, names }
}
