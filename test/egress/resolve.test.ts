import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { describe, it } from 'node:test'
import { addressesOf, createResolver } from '../../src/egress/resolve.ts'
import { Refusal } from '../../src/kernel/error.ts'
import { parseHost } from '../../src/kernel/target.ts'

const never = new AbortController().signal
const answer =
  (...texts: string[]) =>
  () =>
    Promise.resolve<LookupAddress[]>(
      texts.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
const failing = (code: string) => () => Promise.reject(Object.assign(new Error('no'), { code }))

describe('createResolver', () => {
  it('gives every answer in order', async () => {
    const resolve = createResolver({ timeoutMs: 1000, lookup: answer('2606:4700::1', '1.1.1.1') })
    const found = await resolve('a.example', never)
    assert.deepEqual(
      found.map(address => address.text),
      ['2606:4700::1', '1.1.1.1'],
    )
  })

  for (const [what, lookup, reason] of [
    ['no such name', failing('ENOTFOUND'), 'dns_not_found'],
    ['no answer', answer(), 'dns_not_found'],
    ['a failing resolver', failing('EAI_AGAIN'), 'dns_failed'],
    ['an address with a zone', answer('1.1.1.1', 'fe80::1%eth0'), 'dns_failed'],
  ] as const) {
    it(`calls ${what} ${reason}`, async () => {
      const resolve = createResolver({ timeoutMs: 1000, lookup })
      await assert.rejects(resolve('a.example', never), { reason })
    })
  }

  it('asks once for a name however many wait, and again afterwards', async () => {
    let asked = 0
    const lookup = (): Promise<LookupAddress[]> => {
      asked += 1
      return answer('1.1.1.1')()
    }
    const resolve = createResolver({ timeoutMs: 1000, lookup })
    await Promise.all([resolve('a.example', never), resolve('a.example', never)])
    assert.equal(asked, 1)
    await resolve('a.example', never)
    assert.equal(asked, 2)
  })

  it('stops waiting for a resolver that hangs, and lets other names pass', async () => {
    let asked = 0
    const lookup = (name: string): Promise<LookupAddress[]> => {
      asked += 1
      return name === 'hung.example' ? new Promise(() => undefined) : answer('1.1.1.1')()
    }
    const resolve = createResolver({ timeoutMs: 50, lookup })
    const hung = [resolve('hung.example', never), resolve('hung.example', never)]
    assert.equal((await resolve('a.example', never)).length, 1)
    for (const waiting of hung) await assert.rejects(waiting, { reason: 'dns_timeout' })
    await assert.rejects(resolve('hung.example', never), { reason: 'dns_timeout' })
    assert.equal(asked, 2)
  })

  it('queues what is beyond its slots, and forgets who has gone', async () => {
    const asked: string[] = []
    const answers: (() => void)[] = []
    const lookup = (name: string): Promise<LookupAddress[]> => {
      asked.push(name)
      return new Promise(fulfil => {
        answers.push(() => fulfil([{ address: '1.1.1.1', family: 4 }]))
      })
    }
    const resolve = createResolver({ timeoutMs: 5000, lookup, maxConcurrent: 1 })
    const gone = new AbortController()
    const waiting = [resolve('a.example', never), resolve('c.example', never)]
    const leaving = resolve('b.example', gone.signal)
    gone.abort(new Error('the client is gone'))
    await assert.rejects(leaving, /gone/)

    const last = resolve('d.example', never)
    for (let turn = 0; turn < 100 && asked.length < 3; turn += 1) {
      answers.shift()?.()
      await new Promise(setImmediate)
    }
    answers.shift()?.()
    await Promise.all([...waiting, last])
    assert.deepEqual(asked, ['a.example', 'c.example', 'd.example'])
  })

  it('bounds the names that one asker and all of them wait for', async () => {
    const lookup = (): Promise<never> => new Promise(() => undefined)
    const resolve = createResolver({ timeoutMs: 50, lookup })
    const askMany = (asker: string) =>
      Array.from({ length: 256 }, (_, i) => resolve(`n${i}.example`, never, asker))
    const hung = askMany('a')
    await assert.rejects(resolve('one-more.example', never, 'a'), { reason: 'dns_failed' })
    for (let i = 0; i < 7; i += 1) hung.push(...askMany(`b${i}`))
    // Who waits for nothing yet gets in, with one name.
    hung.push(resolve('first.example', never, 'c'))
    await assert.rejects(resolve('second.example', never, 'c'), { reason: 'dns_failed' })
    const settled = await Promise.allSettled(hung)
    for (const result of settled) {
      assert.ok(result.status === 'rejected' && result.reason instanceof Refusal)
      assert.equal(result.reason.reason, 'dns_timeout')
    }
  })

  it('gives no asker all its slots, nor a few of them, and no asker the queue of another', async () => {
    const lookup = (name: string): Promise<LookupAddress[]> =>
      name.startsWith('hung') ? new Promise(() => undefined) : answer('1.1.1.1')()
    const resolve = createResolver({ timeoutMs: 1000, lookup })
    const greedy = new AbortController()
    const hung = Array.from({ length: 60 }, (_, i) =>
      resolve(`hung${i}.example`, greedy.signal, `greedy${i % 5}`),
    )
    const behindThem = resolve('a.example', greedy.signal, 'greedy0')
    assert.equal((await resolve('a.example', never, 'other')).length, 1)
    greedy.abort(new Error('enough'))
    for (const waiting of [...hung, behindThem]) await assert.rejects(waiting, /enough/)
  })

  it('stops when it is told to', async () => {
    const resolve = createResolver({ timeoutMs: 5000, lookup: () => new Promise(() => undefined) })
    const abort = new AbortController()
    const waiting = resolve('a.example', abort.signal)
    abort.abort(new Error('the client is gone'))
    await assert.rejects(waiting, /the client is gone/)
  })

  it('asks the system by default, and survives a name that it throws at', async () => {
    const resolve = createResolver({ timeoutMs: 5000 })
    const found = await resolve('localhost', never)
    assert.ok(found.some(address => ['127.0.0.1', '::1'].includes(address.text)))
    await assert.rejects(resolve('localhost\0.example', never), { reason: 'dns_failed' })
  })
})

describe('addressesOf', () => {
  it('asks nobody about addresses and localhost names', async () => {
    const resolve = (): Promise<never> => Promise.reject(new Error('asked'))
    for (const [text, expected] of [
      ['10.0.0.1', ['10.0.0.1']],
      ['[::2]', ['::2']],
      ['localhost', ['127.0.0.1', '::1']],
      ['a.localhost', ['127.0.0.1', '::1']],
    ] as const) {
      const parsed = parseHost(text)
      assert.ok(parsed.ok)
      const found = await addressesOf(parsed.host, resolve, never)
      assert.deepEqual(
        found.map(address => address.text),
        expected,
      )
    }
  })
})
