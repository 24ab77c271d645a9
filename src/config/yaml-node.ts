import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { ValueType } from './option.ts'
import { quote } from './parsed.ts'
import { suggestion } from './suggest.ts'

/** A file as its nodes know it: for messages, and to collect them. */
interface Source {
  readonly name: string
  readonly lines: LineCounter
  readonly problems: string[]
}

/** A JWT's user, of up to 256 characters, with the prefix of its issuer. */
const LONGEST_NAME = 320

/**
 * One value of a YAML file (or JSON, which is YAML too) with its place in it.
 * What has the wrong form becomes a problem that names line and key, and reads
 * as if it were not there.
 */
export class YamlNode {
  readonly #value: unknown
  /** The keys that lead here, as `a.b[0]`. */
  readonly path: string
  readonly #source: Source
  readonly #offset: number

  /** `offset` is where the key stands; a value without one stands for itself. */
  constructor(value: unknown, path: string, source: Source, offset?: number) {
    this.#value = value
    this.path = path
    this.#source = source
    this.#offset = offset ?? offsetOf(value)
  }

  /** File, line and key, for messages. */
  get origin(): string {
    const { name, lines } = this.#source
    const { line } = lines.linePos(this.#offset)
    return `${name}:${line}${this.path === '' ? '' : ` ${this.path}`}`
  }

  problem(text: string): void {
    this.#source.problems.push(`${this.origin}: ${text}`)
  }

  /** Keys that are known, each at most once; any other is a problem. */
  fields<K extends string>(known: readonly K[]): { readonly [key in K]?: YamlNode } {
    const fields: { [key in K]?: YamlNode } = {}
    for (const [key, node] of this.entries('a mapping')) {
      const name = known.find(candidate => candidate === key)
      if (name !== undefined) fields[name] = node
      else node.problem(`unknown key: ${suggestion(key, known, `use ${known.join(', ')}`)}`)
    }
    return fields
  }

  /** The pairs of a mapping with keys of the operator's choice. */
  entries(wanted: string): [key: string, node: YamlNode][] {
    if (this.#isEmpty()) return []
    if (!isMap(this.#value)) {
      this.problem(`needs ${wanted}`)
      return []
    }
    return this.#value.items.map(({ key, value }) => {
      const name = isScalar(key) ? (textOf(key) ?? '') : '?'
      const path = this.path === '' ? name : `${this.path}.${name}`
      return [name, new YamlNode(value, path, this.#source, offsetOf(key))]
    })
  }

  items(wanted: string): YamlNode[] {
    if (this.#isEmpty()) return []
    if (!isSeq(this.#value)) {
      this.problem(`needs ${wanted}`)
      return []
    }
    return this.#value.items.map(
      (item, index) => new YamlNode(item, `${this.path}[${index}]`, this.#source),
    )
  }

  /** A single value as written; a number keeps its spelling. */
  text(): string | undefined {
    const text = isScalar(this.#value) ? textOf(this.#value) : undefined
    if (text === undefined || text === '') this.problem('needs a value')
    return text === '' ? undefined : text
  }

  /** As `text`, also an empty one; with `list` a sequence of them too, joined by commas. */
  plain(list: boolean): string | undefined {
    if (this.#isEmpty()) return undefined
    const items = list && isSeq(this.#value) ? this.#value.items : [this.#value]
    const texts = items.map(item => (isScalar(item) ? (textOf(item) ?? '') : undefined))
    if (!texts.includes(undefined)) return texts.join(',')
    this.problem(`needs a single value${list ? ' or a sequence of such' : ''}`)
    return undefined
  }

  /** A single value of this kind. */
  value<T>(type: ValueType<T>): T | undefined {
    const text = this.text()
    if (text === undefined) return undefined
    const result = type.parse(text)
    if (result.ok) return result.value
    this.problem(result.problem)
    return undefined
  }

  /** The name of a user or a group. */
  name(): string | undefined {
    const text = this.text()
    if (text === undefined) return undefined
    if (text.length <= LONGEST_NAME && !/\p{Cc}/u.test(text)) return text
    this.problem(`${quote(text)} is not a name: one line of up to ${LONGEST_NAME} characters`)
    return undefined
  }

  #isEmpty(): boolean {
    return this.#value === null || (isScalar(this.#value) && this.#value.value === null)
  }
}

/** The root of a file's text, where there is one; `name` opens every problem. */
export function openYaml(
  text: string,
  { name, problems }: { readonly name: string; readonly problems: string[] },
): YamlNode | undefined {
  const lines = new LineCounter()
  // SECURITY: pretty errors quote the line, which may hold a pasted key.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  for (const { pos, code } of document.errors) {
    problems.push(`${name}:${lines.linePos(pos[0]).line}: not YAML (${code})`)
  }
  if (document.errors.length > 0) return undefined
  return new YamlNode(document.contents, '', { name, lines, problems })
}

function textOf(scalar: { readonly value: unknown; readonly source?: string }): string | undefined {
  if (typeof scalar.value === 'string') return scalar.value
  return scalar.value === null ? undefined : scalar.source
}

function offsetOf(value: unknown): number {
  return isScalar(value) || isMap(value) || isSeq(value) ? (value.range?.[0] ?? 0) : 0
}
