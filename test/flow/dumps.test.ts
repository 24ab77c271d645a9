import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AiWorld,
  ANTHROPIC_KEY,
  aiProvidersEnv,
  HOST_ANTHROPIC,
  openIntercepted,
  startAiWorld,
} from './ai-world.ts'
import { exchangeOn, post } from './wire.ts'

const OWN = 'sk-ant-api03-ownownownownownownown-AA'

describe('dumps', () => {
  const root = mkdtempSync(join(tmpdir(), 'aibridge-dumps-'))
  const dirs = {
    CODER_AIBRIDGE_PROXY_DUMP_DIR: join(root, 'client'),
    CODER_AIBRIDGE_DUMP_DIR: join(root, 'provider'),
  }
  let world: AiWorld
  before(async () => {
    world = await startAiWorld({ env: dirs })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    rmSync(root, { recursive: true })
  })

  const call = async (body: string, headers: readonly string[] = []): Promise<string> => {
    const socket = await openIntercepted(world.daemon)
    const { text } = await exchangeOn(socket, post('/v1/messages', HOST_ANTHROPIC, body, headers))
    socket.destroy()
    return text
  }
  const dumpsOf = (side: string): readonly string[] =>
    readdirSync(join(root, side, 'anthropic')).map(name => join(root, side, 'anthropic', name))

  /** The one dump of a kind that holds this, once it is written. */
  async function dump(side: string, kind: string, content: string): Promise<string> {
    const deadline = performance.now() + 10_000
    for (;;) {
      const texts = dumpsOf(side)
        .filter(path => path.endsWith(`.${kind}.txt`))
        .map(path => readFileSync(path, 'utf8'))
      const [found, ...others] = texts.filter(text => text.includes(content))
      if (found !== undefined && others.length === 0) return found
      assert.ok(performance.now() < deadline, `${others.length} with ${content}: ${texts.join()}`)
      await delay(5)
    }
  }

  it('have what passed on both sides, for the user of the daemon only', async () => {
    const ask = JSON.stringify({ model: 'claude-x', stream: true, messages: [], tag: 'first' })
    const answer = await call(ask, ['X-Trace: kept', 'X-Odd: sk-ant-api03-oddoddoddoddoddodd'])
    for (const side of ['client', 'provider']) {
      const sent = await dump(side, 'req', ask)
      assert.match(sent, /^POST \/v1\/messages HTTP\/1\.1\r\n/)
      assert.match(sent, /\r\nX-Trace: kept\r\nX-Odd: sk-ant-\[redacted\]\r\n/)
      assert.ok(sent.endsWith(`\r\n\r\n${ask}`))
      const got = await dump(side, 'resp', answer)
      assert.match(got, /^HTTP\/1\.1 200 OK\r\n/)
      assert.ok(got.endsWith(`\r\n\r\n${answer}`))
    }
    assert.match(await dump('provider', 'req', ask), /\r\nx-api-key: sk-a\.\.\.6789\r\n/i)
    for (const path of [...dumpsOf('client'), ...dumpsOf('provider')]) {
      assert.equal(statSync(path).mode & 0o777, 0o600, path)
      assert.ok(!readFileSync(path, 'utf8').includes(ANTHROPIC_KEY), path)
    }
    assert.equal(statSync(root).mode & 0o077, 0)
  })

  it('mask what the client sends of its own, and end where a body broke off', async () => {
    world.provider.script(() => ({ cutAfter: 2, gapMs: 20 }))
    const ask = JSON.stringify({ model: 'claude-x', stream: true, messages: [], tag: 'second' })
    await assert.rejects(call(ask, [`Authorization: Bearer ${OWN}`]))
    for (const side of ['client', 'provider']) {
      assert.match(await dump(side, 'req', ask), /\r\nAuthorization: Bear\.\.\.n-AA\r\n/)
      await dump(side, 'resp', '[aibridgeproxyd: it broke off here]')
    }
    world.provider.script(undefined)
  })

  it('say why a provider gave no answer', async () => {
    world.provider.script(() => ({ cutAfter: 0 }))
    await call(JSON.stringify({ tag: 'third' }))
    await dump('provider', 'req_error', 'provider_broken')
    world.provider.script(undefined)
  })

  it('end with a reload that does not ask for them, and stay with one that cannot', async () => {
    const open = join(root, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    const providers = aiProvidersEnv(world.provider.url)
    await assert.rejects(
      world.daemon.reload({ ...providers, CODER_AIBRIDGE_DUMP_DIR: open }),
      /CODER_AIBRIDGE_DUMP_DIR: dump directory .*open is writable by others: chmod 0700 it/,
    )
    const asked = JSON.stringify({ tag: 'fourth' })
    await call(asked)
    await dump('provider', 'req', asked)
    await world.daemon.reload(providers)
    const count = dumpsOf('provider').length
    await call(JSON.stringify({ tag: 'fifth' }))
    assert.equal(dumpsOf('provider').length, count)
  })
})
