import { respondJson } from '../respond.ts'
import { askingRecords, visibleFilter } from './asking.ts'
import { parsePage } from './page.ts'
import { parseSearch } from './search.ts'

/** `GET …/models` and `GET …/clients`: the distinct names, for filters in a page. */
export const listModels = namesOf('model')
export const listClients = namesOf('client')

function namesOf(of: 'model' | 'client'): ReturnType<typeof askingRecords> {
  const rules = { message: `Invalid ${of}s search query.`, bareWord: of, allowed: [of] }
  return askingRecords(async asking => {
    const { ask, query, exchange } = asking
    const { limit, offset } = parsePage(query, 'after_id')
    const { [of]: prefix = '' } = parseSearch(query.get('q') ?? '', rules)
    const filter = (await visibleFilter(asking, {})) ?? {}
    respondJson(exchange.response, 200, await ask('names', { of, prefix, filter, offset, limit }))
  })
}
