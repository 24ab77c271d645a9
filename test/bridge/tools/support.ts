import { JsonMembers } from '../../../src/bridge/body/json-members.ts'
import type { ToolDialect, Turn } from '../../../src/bridge/tools/dialect.ts'
import type { OfferedTool } from '../../../src/bridge/tools/offered-tool.ts'
import { BodyText, continued } from '../../../src/bridge/tools/open-body.ts'

export const TOOL: OfferedTool = {
  name: 'bmcp_docs_search',
  description: 'Searches.',
  inputSchema: { type: 'object' },
}

export const isOffered = (name: string): boolean => name === TOOL.name

/** The request that goes out for this text, with what the conversation went on with. */
export function offered(
  dialect: ToolDialect,
  text: string,
  entries: readonly string[] = [],
): string | undefined {
  const pieces = text.match(/[^]{1,5}/gu)?.map(piece => Buffer.from(piece)) ?? []
  const made = outgoing(dialect, pieces, entries)
  return made && Buffer.concat(made).toString('utf8')
}

/** The same in pieces. */
export function outgoing(
  dialect: ToolDialect,
  pieces: readonly Buffer[],
  entries: readonly string[] = [],
): readonly Buffer[] | undefined {
  const scan = new JsonMembers()
  for (const piece of pieces) scan.write(piece)
  const members = scan.end()
  if (members === undefined) return undefined
  const open = dialect.open(new BodyText(pieces, members), [TOOL])
  return (
    open &&
    continued(
      open,
      entries.map(entry => Buffer.from(entry)),
    )
  )
}

/** What the client sees of these events. */
export function shown(
  merge: { event(event: { name: string | undefined; data: string }): readonly { data: string }[] },
  events: readonly object[],
): unknown[] {
  return events
    .flatMap(value => merge.event({ name: undefined, data: JSON.stringify(value) }))
    .map((event): unknown => JSON.parse(event.data))
}

/** What the conversation goes on with, when every call is answered `result`. */
export function entriesOf(turn: Turn | undefined, text = 'result'): unknown[] {
  if (turn === undefined) throw new Error('the model calls no tool of ours')
  return turn
    .entries(turn.calls.map(call => ({ call, text, isError: false })))
    .map((entry): unknown => JSON.parse(entry))
}
