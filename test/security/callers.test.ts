import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  aiProvidersEnv,
  HOST_ANTHROPIC as HOST,
  openIntercepted,
  startAiWorld,
} from '../flow/ai-world.ts'
import { createCaller } from '../flow/callers.ts'
import { exchangeOn, get, post } from '../flow/wire.ts'

const SRC = join(import.meta.dirname, '../../src')

describe('callers beside each other', { timeout: 60_000 }, () => {
  it('D18 never see each other’s answers, nor are they booked on each other', async () => {
    await using world = await startAiWorld()
    const names = ['ada', 'bob', 'eve', 'joe']
    const callers = names.map(name => createCaller(world.daemon, name))
    const run = async (name: string, credentials: string, index: number): Promise<void> => {
      const marker = `${name}-${index}`
      const body = JSON.stringify({
        model: marker,
        messages: [{ role: 'user', content: marker }],
        stream: index % 2 === 0,
      })
      const socket = await openIntercepted(world.daemon, { connect: { credentials } })
      if (index % 5 === 4) {
        socket.write(post('/v1/messages', HOST, body))
        setImmediate(() => socket.destroy())
        return
      }
      const answer = await exchangeOn(socket, post('/v1/messages', HOST, body))
      assert.equal(answer.status, 200)
      const foreign = names.filter(other => other !== name && answer.text.includes(`${other}-`))
      assert.deepEqual(foreign, [])
      socket.destroy()
    }
    for (let round = 0; round < 6; round += 1) {
      await Promise.all(
        callers.map(async ({ credentials }, i) => await run(names[i] ?? '', credentials, round)),
      )
    }
    for (const name of names) {
      await world.daemon.event('prompt_seen', ({ model }) => model === `${name}-5`)
    }
    const asked = world.daemon.events.filter(event => event.type === 'prompt_seen')
    for (const { model, user } of asked)
      assert.ok(model?.startsWith(`${user}-`), `${model} ${user}`)
  })

  it('D22 have every call travel with the old key or the new one at a reload', async () => {
    await using world = await startAiWorld()
    const { daemon, provider } = world
    const stop = new AbortController()
    let failures = 0
    const load = async (): Promise<void> => {
      const socket = await openIntercepted(daemon)
      while (!stop.signal.aborted) {
        const { status } = await exchangeOn(socket, get('/v1/models', HOST))
        if (status !== 200) failures += 1
      }
      socket.destroy()
    }
    const clients = [load(), load()]
    const rotated = { ...aiProvidersEnv(provider.url), CODER_AIBRIDGE_PROVIDER_0_KEY: 'sk-ant-new' }
    await daemon.reload(rotated)
    const reloaded = provider.exchanges.length
    while (provider.exchanges.length < reloaded + 10) await provider.nextExchange()
    stop.abort()
    await Promise.all(clients)
    assert.equal(failures, 0)
    const keyOf = ({ rawHeaders }: { rawHeaders: readonly string[] }) =>
      rawHeaders[rawHeaders.findIndex(name => name === 'X-Api-Key') + 1]
    const keys = provider.exchanges.map(keyOf)
    const first = keys.indexOf('sk-ant-new')
    assert.ok(first > 0)
    assert.ok(
      keys.slice(first + 4).every(key => key === 'sk-ant-new'),
      'the old key comes back',
    )
  })

  it('D19 get no leftovers of memory: only the side tap, which sends nothing, takes it as it is', () => {
    const files = globSync('**/*.ts', { cwd: SRC }).filter(path =>
      readFileSync(join(SRC, path), 'utf8').includes('allocUnsafe'),
    )
    assert.deepEqual(files, ['bridge/tap/byte-buffer.ts'])
  })
})
