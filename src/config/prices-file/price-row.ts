import type { NanoDollars } from '../../kernel/money.ts'
import type { Price, Rates } from '../../kernel/price.ts'
import { quote } from '../parsed.ts'
import { day } from '../types/day.ts'
import { factor } from '../types/factor.ts'
import { integer } from '../types/scalar.ts'
import { usd } from '../types/usd.ts'
import type { YamlNode } from '../yaml-node.ts'

const RATES = ['input', 'output', 'cache_read', 'cache_write_5m', 'cache_write_1h'] as const
const OTHERS = ['from', 'long_prompt', 'tiers', 'web_search'] as const
const ROW = ['provider', 'type', 'model', ...OTHERS, ...RATES] as const
const LONG_PROMPT = ['above', ...RATES] as const
const TOKENS = integer({ min: 1, max: 1_000_000_000 })

/** One row; `undefined` when something in it was a problem. */
export function readPriceRow(node: YamlNode): Price | undefined {
  const fields = node.fields(ROW)
  if ((fields.provider === undefined) === (fields.type === undefined)) {
    node.problem('needs one of provider (a name) and type, and only one')
  }
  if (fields.model === undefined) node.problem('needs model, an id or its beginning and a *')
  return complete({
    of: fields.provider === undefined ? 'type' : 'name',
    provider: (fields.provider ?? fields.type)?.name(),
    model: optional(fields.model, undefined, modelOf),
    from: optional(fields.from, 0, from => from.value(day)),
    rates: ratesOf(node, fields),
    longPrompt: optional(fields.long_prompt, null, longPromptOf),
    tiers: optional(fields.tiers, {}, tiersOf),
    webSearch: optional(fields.web_search, null, dollars),
  })
}

function modelOf(node: YamlNode): string | undefined {
  const model = node.name()
  if (model === undefined || /^[^*]+\*?$/.test(model)) return model
  node.problem(`${quote(model)} is not a model: a * may only be at the end of its beginning`)
  return undefined
}

function longPromptOf(node: YamlNode): Price['longPrompt'] | undefined {
  const fields = node.fields(LONG_PROMPT)
  if (fields.above === undefined) node.problem('needs above, a number of tokens')
  return complete({ above: fields.above?.value(TOKENS), rates: ratesOf(node, fields) })
}

/** `tiers: {priority: '2', flex: '0.5'}`: names as providers answer them. */
function tiersOf(node: YamlNode): Price['tiers'] | undefined {
  const entries = node
    .entries('service tiers, each with a factor')
    .map(([name, one]) => [name, one.value(factor)] as const)
  return complete(Object.fromEntries(entries))
}

function ratesOf(
  node: YamlNode,
  fields: { readonly [key in (typeof RATES)[number]]?: YamlNode },
): Rates | undefined {
  for (const name of ['input', 'output'] as const) {
    if (fields[name] === undefined) node.problem(`needs ${name}, dollars for a million tokens`)
  }
  return complete({
    input: optional(fields.input, undefined, dollars),
    output: optional(fields.output, undefined, dollars),
    cacheRead: optional(fields.cache_read, null, dollars),
    cacheWrite5m: optional(fields.cache_write_5m, null, dollars),
    cacheWrite1h: optional(fields.cache_write_1h, null, dollars),
  })
}

function dollars(node: YamlNode): NanoDollars | undefined {
  return node.value(usd)
}

/** What a field says, `absent` without it, and `undefined` when it is a problem. */
function optional<T, A>(
  node: YamlNode | undefined,
  absent: A,
  read: (node: YamlNode) => T | undefined,
): T | A | undefined {
  return node === undefined ? absent : read(node)
}

type Complete<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> }

function complete<T extends object>(parts: T): Complete<T> | undefined {
  return isComplete(parts) ? parts : undefined
}

function isComplete<T extends object>(parts: T): parts is T & Complete<T> {
  return !Object.values(parts).includes(undefined)
}
