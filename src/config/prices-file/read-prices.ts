import type { Price } from '../../kernel/price.ts'
import type { ProviderSettings } from '../../kernel/provider.ts'
import { quote } from '../parsed.ts'
import type { Report } from '../report.ts'
import { openYaml } from '../yaml-node.ts'
import { readPriceRow } from './price-row.ts'

interface Context {
  /** What every message begins with. */
  readonly name: string
  readonly providers: readonly ProviderSettings[]
  readonly report: Report
}

/** Reads the text of a prices file, `prices: [ … ]`; any problem makes it one not to be used. */
export function readPrices(text: string, { name, providers, report }: Context): readonly Price[] {
  const root = openYaml(text, { name, problems: report.problems })
  const sections = root?.fields(['prices'])
  const seen = new Set<string>()
  const rows = (sections?.prices?.items('a sequence of prices') ?? []).flatMap(node => {
    const row = readPriceRow(node)
    if (row === undefined) return []
    const place = JSON.stringify([row.of, row.provider, row.model, row.from])
    if (seen.has(place)) node.problem('a price of this model and day is there already: remove one')
    seen.add(place)
    return [row]
  })
  report.warnings.push(...unused(rows, providers).map(warning => `${name}: ${warning}`))
  return rows
}

/** Files are shared between hosts, so that this is no reason to refuse one. */
function unused(rows: readonly Price[], providers: readonly ProviderSettings[]): string[] {
  return rows
    .filter(row => !providers.some(provider => provider[row.of] === row.provider))
    .map(row => `no provider has the ${row.of} ${quote(row.provider)}: its prices are not used`)
}
