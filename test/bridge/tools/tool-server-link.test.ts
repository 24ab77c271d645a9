import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { ToolServerLink } from '../../../src/bridge/tools/tool-server-link.ts'
import { createOriginAgent } from '../../../src/egress/agents.ts'
import { createOriginFetch, type Fetch } from '../../../src/egress/origin-fetch.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { parseAuthority } from '../../../src/kernel/target.ts'
import { startMcpServer } from '../../support/mcp-server.ts'

const NEVER = new AbortController().signal

interface World extends AsyncDisposable {
  readonly link: ToolServerLink
  readonly problems: readonly string[]
}

/** A link to a server on loopback; `around` may hold or break what goes out. */
async function startWorld(around: (fetch: Fetch) => Fetch = fetch => fetch): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const { url } = opened.use(await startMcpServer())
  const { host, hostname, port, pathname: path } = new URL(url)
  const target = parseAuthority(host)
  assert.ok(target.ok)
  const origin = { protocol: 'http', target: target.target } as const
  const agent = createOriginAgent(async signal => {
    signal.throwIfAborted()
    return { socket: connect(Number(port), hostname) }
  })
  const limits = { firstByteTimeoutMs: 5000, idleTimeoutMs: 5000 }
  const problems: string[] = []
  const link = opened.use(
    new ToolServerLink({
      server: {
        name: 'docs',
        origin,
        path,
        token: undefined,
        allow: undefined,
        deny: undefined,
        caPem: undefined,
        timeoutMs: 5000,
      },
      fetch: around(createOriginFetch({ origin, agent, bearer: undefined, ...limits })),
      close: () => agent.destroy(),
      version: 'test',
      clock: systemClock,
      onProblem: problem => problems.push(problem),
    }),
  )
  const keep = opened.move()
  return { link, problems, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

const FOUND = { text: 'found it', isError: false }

describe('a link to an MCP server', () => {
  it('lets who was offered its tools before a reload call them afterwards', async () => {
    await using world = await startWorld()
    const { link } = world
    assert.notDeepEqual(await link.tools(), [])
    await link.retire()
    assert.deepEqual(await link.call('search', { q: 'it' }, NEVER), FOUND)
  })

  it('leaves the calls of others alone when one fails', async () => {
    const held = Promise.withResolvers<void>()
    const isHeld = Promise.withResolvers<void>()
    await using world = await startWorld(fetch => async (url, init) => {
      const text = typeof init?.body === 'string' ? init.body : ''
      if (text.includes('"broken"')) throw new Error('the line is cut')
      const reply = await fetch(url, init)
      if (text.includes('"it"')) {
        isHeld.resolve()
        await held.promise
      }
      init?.signal?.throwIfAborted()
      return reply
    })
    const { link, problems } = world
    await link.tools()
    const other = link.call('search', { q: 'it' }, NEVER)
    await isHeld.promise
    const broken = await link.call('search', { q: 'broken' }, NEVER)
    assert.equal(broken.isError, true)
    assert.equal(problems.length, 1)
    held.resolve()
    assert.deepEqual(await other, FOUND)
  })

  it('reads no answer without end, and tells the model whole characters only', async () => {
    await using world = await startWorld()
    const { link, problems } = world
    const flood = await link.call('search', { q: 'x'.repeat(1024 * 1024) }, NEVER)
    assert.deepEqual([flood.isError, flood.text.length < 100], [true, true])
    assert.match(problems.join(), /too long/)
    const cut = await link.call('search', { q: `${'x'.repeat(256 * 1024 - 7)}😀` }, NEVER)
    assert.deepEqual([cut.isError, cut.text.slice(-7)], [false, 'x�\n[cut]'.slice(-7)])
  })

  it('tells the model alone what the server says of a call', async () => {
    await using world = await startWorld()
    const answer = await world.link.call('no-such-tool', { q: 'secret' }, NEVER)
    assert.equal(answer.isError, true)
    assert.match(answer.text, /no-such-tool/)
    assert.deepEqual(world.problems, [])
  })
})
