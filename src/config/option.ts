import type { Parsed } from './parsed.ts'

/** One kind of value: how it is read, shown and served. */
export interface ValueType<T> {
  /** The name of the kind in `--help` and the reference. */
  readonly label: string
  /** True where a repeated flag or a YAML sequence makes one value. */
  readonly list: boolean
  /** Problems say what is wrong and what is right; they never hold a secret. */
  parse(text: string): Parsed<T>
  /** A text that `parse` accepts, with anything secret in it masked. */
  format(value: T): string
  /** The value as `GET /api/v2/deployment/config` has it, also when unset. */
  json(value: T | undefined): unknown
}

/** What some defaults depend on. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The home directory of the user that runs the daemon. */
  readonly home: string
}

/** A family of options that share prefixes and a place in the YAML file. */
export interface Group {
  readonly name: string
  readonly description: string
  /** Of flags and, in upper case behind `CODER_`, of variables; may be empty. */
  readonly prefix: string
  /** The prefix that later versions of Coder use for the same options. */
  readonly aliasPrefix?: string
  readonly yaml: readonly string[]
  readonly yamlAlias?: readonly string[]
  /** Path in `config` of the deployment configuration. */
  readonly json: readonly string[]
}

interface RowBase {
  readonly name: string
  readonly description: string
  readonly flag: string
  /** Instead of the name made from the flag; `false`: not read from YAML. */
  readonly yaml?: string | false
  readonly yamlAliases?: readonly string[]
  readonly env?: string
  readonly flagAliases?: readonly string[]
  /** Path below the group's in the deployment configuration. */
  readonly json?: readonly string[]
  /** Shown where the default is computed or needs words. */
  readonly defaultText?: string
  readonly secret?: boolean
  readonly hidden?: boolean
  /** False where a reload (SIGHUP) is enough. */
  readonly restart?: boolean
  /** `none-yet`: accepted and checked; `ignored`: of no use here by nature. */
  readonly effect?: 'none-yet' | 'ignored'
  /** A good value other than the default, for the example files. */
  readonly example: string
}

/** A row of the table; `V` is the type of the resolved value. */
export interface Row<V> extends RowBase {
  readonly type: ValueType<unknown>
  defaultValue(surroundings: Surroundings): V
}

interface OptionNames {
  /** Without the dashes. */
  readonly flag: string
  readonly flagAliases: readonly string[]
  readonly env: string
  readonly envAliases: readonly string[]
  readonly yaml: readonly string[] | undefined
  readonly yamlAliases: readonly (readonly string[])[]
  readonly json: readonly string[]
}

/** An option with all its names worked out. */
export interface Option<V> extends OptionNames {
  readonly name: string
  readonly description: string
  readonly group: Group
  readonly type: ValueType<unknown>
  readonly defaultText: string
  defaultValue(surroundings: Surroundings): V
  readonly secret: boolean
  readonly hidden: boolean
  readonly restart: boolean
  readonly effect: 'yes' | 'none-yet' | 'ignored'
  readonly example: string
}

type OptionsOf<R> = {
  readonly [K in keyof R]: R[K] extends Row<infer V> ? Option<V> : never
}

/** The resolved values of a record of options, under the same keys. */
export type ValuesOf<O> = {
  readonly [K in keyof O]: O[K] extends Option<infer V> ? V : never
}

type Spec<T> = RowBase & { readonly type: ValueType<T> }

/** Ties the type of a row's default, which every row needs, to its parser. */
export function row<T>(spec: Spec<T> & { readonly default: undefined }): Row<T | undefined>
export function row<T>(
  spec: Spec<T> & { readonly default: NoInfer<T> | ((surroundings: Surroundings) => NoInfer<T>) },
): Row<T>
export function row(spec: Spec<unknown> & { readonly default: unknown }): Row<unknown> {
  const { default: fallback, ...rest } = spec
  const text = typeof fallback === 'function' || fallback === undefined ? 'none' : undefined
  return {
    ...rest,
    defaultText: spec.defaultText ?? text ?? spec.type.format(fallback),
    defaultValue: surroundings =>
      typeof fallback === 'function' ? fallback(surroundings) : fallback,
  }
}

/** Works out every name of every option of a group. */
export function defineGroup<R extends Readonly<Record<string, Row<unknown>>>>(
  group: Group,
  rows: R,
): OptionsOf<R>
export function defineGroup(
  group: Group,
  rows: Readonly<Record<string, Row<unknown>>>,
): Readonly<Record<string, Option<unknown>>> {
  return Object.fromEntries(
    Object.entries(rows).map(([key, spec]) => [key, nameOption(group, spec)]),
  )
}

/** Fills in the names and what a row may leave out. */
function nameOption(group: Group, spec: Row<unknown>): Option<unknown> {
  return {
    ...namesOf(group, spec),
    name: spec.name,
    description: spec.description,
    group,
    type: spec.type,
    defaultText: spec.defaultText ?? 'none',
    defaultValue: surroundings => spec.defaultValue(surroundings),
    secret: spec.secret ?? false,
    hidden: spec.hidden ?? false,
    restart: spec.restart ?? true,
    effect: spec.effect ?? 'yes',
    example: spec.example,
  }
}

/**
 * Flag `--<prefix>-<flag>`, variable `CODER_<PREFIX>_<FLAG>`, YAML key and JSON
 * name `<flag>` with underscores, unless the row says otherwise.
 */
function namesOf(group: Group, spec: Row<unknown>): OptionNames {
  const snake = spec.flag.replaceAll('-', '_')
  const key = spec.yaml ?? snake
  const paths = group.yamlAlias === undefined ? [group.yaml] : [group.yaml, group.yamlAlias]
  const keys = key === false ? [] : [key, ...(spec.yamlAliases ?? [])]
  const [yaml, ...yamlAliases] = paths.flatMap(path => keys.map(name => [...path, name]))
  const flag = joinFlag(group.prefix, spec.flag)
  const later = group.aliasPrefix === undefined ? [] : [joinFlag(group.aliasPrefix, spec.flag)]
  return {
    flag,
    flagAliases: [...later, ...(spec.flagAliases ?? [])],
    env: spec.env ?? variable(flag),
    envAliases: later.map(variable),
    yaml,
    yamlAliases,
    json: [...group.json, ...(spec.json ?? [key === false ? snake : key])],
  }
}

function joinFlag(prefix: string, flag: string): string {
  return prefix === '' ? flag : `${prefix}-${flag}`
}

function variable(flag: string): string {
  return `CODER_${flag.replaceAll('-', '_').toUpperCase()}`
}
