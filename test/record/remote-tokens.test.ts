import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Refusal } from '../../src/kernel/error.ts'
import { type AskDeployment, RemoteTokens } from '../../src/record/remote-tokens.ts'

const TOKEN = 'aBcDeFgHiJ-kLmNoPqRsTuVwXyZ012345'

/** A deployment that is a function, with a clock that stands until it is moved. */
function start(answer: AskDeployment = async () => 'grace') {
  const asked: string[] = []
  let now = 0
  let current = answer
  const tokens = new RemoteTokens(
    (token, signal) => {
      asked.push(token)
      return current(token, signal)
    },
    { now: () => now, monotonic: () => now },
  )
  return {
    tokens,
    asked,
    pass: (ms: number) => {
      now += ms
    },
    become: (next: AskDeployment) => {
      current = next
    },
  }
}

const down: AskDeployment = async () => {
  throw new Refusal('bridge_unreachable')
}
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('a token of the deployment', () => {
  it('belongs to the user that the deployment names, who is no administrator here', async () => {
    const { tokens } = start()
    const { identity } = (await tokens.authenticate(TOKEN)) ?? {}
    assert.deepEqual([identity?.user, identity?.admin], ['grace', false])
    assert.match(identity?.tokenId ?? '', /^remote-[\w-]{12}$/)
    assert.ok(!TOKEN.includes(identity?.tokenId.slice('remote-'.length) ?? TOKEN))
  })

  it('is asked about once a minute', async () => {
    const { tokens, asked, pass } = start()
    for (let i = 0; i < 3; i += 1) await tokens.authenticate(TOKEN)
    pass(59_999)
    await tokens.authenticate(TOKEN)
    assert.equal(asked.length, 1)
    pass(1)
    await tokens.authenticate(TOKEN)
    assert.equal(asked.length, 2)
  })

  it('is asked about once, however many wait for the answer', async () => {
    const { tokens, asked } = start()
    await Promise.all(Array.from({ length: 50 }, () => tokens.authenticate(TOKEN)))
    assert.equal(asked.length, 1)
  })

  it('is refused for five seconds without asking again', async () => {
    const { tokens, asked, pass, become } = start(async () => undefined)
    assert.equal(await tokens.authenticate(TOKEN), undefined)
    become(async () => 'grace')
    pass(4_999)
    assert.equal(await tokens.authenticate(TOKEN), undefined)
    assert.equal(asked.length, 1)
    pass(1)
    assert.equal((await tokens.authenticate(TOKEN))?.identity.user, 'grace')
  })

  it('is asked about anew when the deployment could not answer', async () => {
    const { tokens, become } = start(down)
    await assert.rejects(tokens.authenticate(TOKEN), Refusal)
    become(async () => 'grace')
    assert.equal((await tokens.authenticate(TOKEN))?.identity.user, 'grace')
  })

  it('is not asked about when it cannot be one', async () => {
    const { tokens, asked } = start()
    for (const text of ['', 'short', `${TOKEN} x`, `${TOKEN}\n`, `${TOKEN}é`, 'x'.repeat(257)]) {
      assert.equal(await tokens.authenticate(text), undefined)
    }
    assert.deepEqual(asked, [])
  })
})

describe('an open connection', () => {
  it('stays while the deployment says so, asked about once a minute in the background', async () => {
    const { tokens, asked, pass } = start()
    const holder = await tokens.authenticate(TOKEN)
    for (let i = 0; i < 10; i += 1) {
      pass(30_000)
      assert.ok(holder?.isValid())
      await settled()
    }
    assert.equal(asked.length, 6)
  })

  it('ends at the first look after the minute in which its token was revoked', async () => {
    const { tokens, pass, become } = start()
    const holder = await tokens.authenticate(TOKEN)
    become(async () => undefined)
    pass(59_000)
    assert.ok(holder?.isValid())
    pass(1_000)
    assert.ok(holder?.isValid(), 'this look asks')
    await settled()
    assert.ok(!holder?.isValid())
  })

  it('outlives a deployment that cannot be asked by a minute', async () => {
    const { tokens, pass, become } = start()
    const holder = await tokens.authenticate(TOKEN)
    become(down)
    pass(119_999)
    assert.ok(holder?.isValid())
    await settled()
    pass(1)
    assert.ok(!holder?.isValid())
  })
})

describe('a flood of unknown tokens', () => {
  const invented = (index: number): string => `unknown-token-${String(index).padStart(8, '0')}`

  it('asks little at once, is refused beyond its bound, and does not keep known users out', async () => {
    const { tokens, asked, pass, become } = start()
    await tokens.authenticate(TOKEN)
    pass(60_000)
    const never = Promise.withResolvers<undefined>()
    become(async token => (token === TOKEN ? 'grace' : await never.promise))
    const flood = Array.from({ length: 300 }, (_, index) => tokens.authenticate(invented(index)))
    const results = Promise.allSettled(flood)
    await settled()
    assert.equal(asked.length, 1 + 8)
    assert.equal((await tokens.authenticate(TOKEN))?.identity.user, 'grace')
    never.resolve(undefined)
    const refused = (await results).filter(result => result.status === 'rejected')
    assert.equal(refused.length, 300 - 256)
    assert.ok(refused.every(({ reason }) => reason.reason === 'auth_unavailable'))
  })

  it('pushes no known token out of memory', async () => {
    const { tokens, asked } = start(async token => (token === TOKEN ? 'grace' : undefined))
    await tokens.authenticate(TOKEN)
    for (let i = 0; i < 10_500; i += 1) await tokens.authenticate(invented(i))
    const before = asked.length
    await tokens.authenticate(TOKEN)
    assert.equal(asked.length, before)
    await tokens.authenticate(invented(0))
    assert.equal(asked.length, before + 1, 'the oldest refusal is forgotten')
  })
})
