import type { Option } from './option.ts'
import { allOptions } from './options.ts'
import { suggestion } from './suggest.ts'
import { openYaml, type YamlNode } from './yaml-node.ts'

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
  const problems: string[] = []
  const reader = new Reader(problems)
  const root = openYaml(text, { name, problems })
  if (root !== undefined) reader.section(root, 'a mapping of sections')
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
  readonly problems: readonly string[]
  readonly #options: ReadonlyMap<string, Option<unknown>>
  readonly #sections: ReadonlySet<string>

  constructor(problems: readonly string[]) {
    this.problems = problems
    this.#options = new Map(
      allOptions().flatMap(option => yamlNames(option).map(path => [path, option] as const)),
    )
    this.#sections = new Set([...this.#options.keys()].flatMap(ancestors))
  }

  section(section: YamlNode, wanted: string): void {
    for (const [, node] of section.entries(wanted)) {
      if (PROVIDER_LISTS.includes(node.path)) this.#providers(node)
      else if (this.#sections.has(node.path)) this.section(node, 'options, indented below it')
      else this.#value(node)
    }
  }

  #value(node: YamlNode): void {
    const option = this.#options.get(node.path)
    if (option === undefined) return node.problem(this.#unknown(node.path))
    const text = node.plain(option.type.list)
    if (text !== undefined) this.values.set(node.path, { text, origin: node.origin })
  }

  #providers(node: YamlNode): void {
    for (const item of node.items('a sequence of providers, each with a type')) {
      const fields = new Map<string, Found>()
      for (const [name, field] of item.entries('a provider, as {type: openai}')) {
        const text = field.plain(true)
        if (text !== undefined) fields.set(name, { text, origin: field.origin })
      }
      this.providers.push(fields)
    }
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
