import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from 'yaml'
import type { Option } from './option.ts'
import { allOptions } from './options.ts'
import { suggestion } from './suggest.ts'

/** A value, and where it was found, for messages. */
export interface Found {
  readonly text: string
  readonly origin: string
}

export interface YamlFile {
  /** By dotted path, as in `aibridgeproxy.listen_addr`. */
  readonly values: ReadonlyMap<string, Found>
  /** The entries of `providers`, field by field under their YAML names. */
  readonly providers: readonly ReadonlyMap<string, Found>[]
  readonly problems: readonly string[]
}

export const NO_YAML: YamlFile = { values: new Map(), providers: [], problems: [] }

const PROVIDER_LISTS = ['aibridge.providers', 'ai_gateway.providers']

/** Reads the text of a configuration file. `name` opens every origin. */
export function readYaml(text: string, name: string): YamlFile {
  const lines = new LineCounter()
  // SECURITY: pretty errors quote the line, which may hold a pasted key.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      error => `${name}:${lines.linePos(error.pos[0]).line}: not YAML (${error.code})`,
    )
    return { ...NO_YAML, problems }
  }
  const reader = new Reader(name, lines)
  const root: unknown = document.contents
  if (isMap(root)) reader.section(root, [])
  else if (root !== null && !(isScalar(root) && root.value === null)) {
    return { ...NO_YAML, problems: [`${name}: the file must be a mapping of sections`] }
  }
  return reader
}

/** The dotted paths under which an option is read, the current one first. */
export function yamlNames(option: Option<unknown>): readonly string[] {
  if (option.yaml === undefined) return []
  return [option.yaml, ...option.yamlAliases].map(path => path.join('.'))
}

class Reader implements YamlFile {
  readonly values = new Map<string, Found>()
  readonly providers: Map<string, Found>[] = []
  readonly problems: string[] = []
  readonly #name: string
  readonly #lines: LineCounter
  readonly #options: ReadonlyMap<string, Option<unknown>>
  readonly #sections: ReadonlySet<string>

  constructor(name: string, lines: LineCounter) {
    this.#name = name
    this.#lines = lines
    this.#options = new Map(
      allOptions().flatMap(option => yamlNames(option).map(path => [path, option] as const)),
    )
    this.#sections = new Set([...this.#options.keys()].flatMap(ancestors))
  }

  section(map: YAMLMap, path: readonly string[]): void {
    for (const { key, value } of map.items) {
      const name = [...path, isScalar(key) ? String(key.value) : '?'].join('.')
      const at = this.#at(key, name)
      if (PROVIDER_LISTS.includes(name)) this.#providers(value, at)
      else if (this.#sections.has(name)) this.#subsection(value, name, at)
      else this.#value(name, value, at)
    }
  }

  #subsection(value: unknown, name: string, at: string): void {
    if (isMap(value)) this.section(value, name.split('.'))
    else if (!isEmpty(value))
      this.problems.push(`${at}: this is a section: indent options below it`)
  }

  #value(name: string, value: unknown, at: string): void {
    const option = this.#options.get(name)
    if (option === undefined) {
      this.problems.push(`${at}: ${this.#unknown(name)}`)
      return
    }
    if (isEmpty(value)) return
    const text = textOf(value, option.type.list)
    if (text === undefined) {
      const wanted = option.type.list ? 'a sequence or a comma-separated text' : 'a single value'
      this.problems.push(`${at}: needs ${wanted}`)
      return
    }
    this.values.set(name, { text, origin: at })
  }

  #providers(value: unknown, at: string): void {
    if (isEmpty(value)) return
    if (!isSeq(value) || !value.items.every(item => isMap(item))) {
      this.problems.push(`${at}: needs a sequence of providers, each with a type`)
      return
    }
    for (const item of value.items) {
      const fields = new Map<string, Found>()
      for (const pair of item.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : '?'
        const origin = this.#at(pair.key, `providers[${this.providers.length}].${name}`)
        const text = textOf(pair.value, true)
        if (text === undefined) this.problems.push(`${origin}: needs a single value or a sequence`)
        else if (!isEmpty(pair.value)) fields.set(name, { text, origin })
      }
      this.providers.push(fields)
    }
  }

  #at(key: unknown, name: string): string {
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0
    return `${this.#name}:${this.#lines.linePos(offset).line} ${name}`
  }

  #unknown(name: string): string {
    const last = name.split('.').at(-1) ?? ''
    const secret = allOptions().find(option => option.secret && ownName(option) === last)
    if (secret !== undefined) {
      return `secrets are not read from YAML: use ${secret.env} or ${secret.env}_FILE`
    }
    const known = [...this.#options.keys(), ...this.#sections, ...PROVIDER_LISTS]
    return `unknown key: ${suggestion(name, known, 'see docs/reference/config.md')}`
  }
}

/** The YAML key that a secret would have. */
function ownName({ flag, group }: Option<unknown>): string {
  const own = group.prefix === '' ? flag : flag.slice(group.prefix.length + 1)
  return own.replaceAll('-', '_')
}

function ancestors(path: string): string[] {
  const parts = path.split('.')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
}

function isEmpty(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null)
}

/** A scalar as written, or a sequence of scalars joined by commas. */
function textOf(value: unknown, list: boolean): string | undefined {
  if (isEmpty(value)) return ''
  if (isScalar(value)) {
    return typeof value.value === 'string' ? value.value : (value.source ?? String(value.value))
  }
  if (!list || !isSeq(value) || isAlias(value)) return undefined
  const entries = value.items.map(item => (isSeq(item) ? undefined : textOf(item, false)))
  return entries.includes(undefined) ? undefined : entries.join(',')
}
