import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { errorReply } from '../../src/bridge/error-reply.ts'
import { dialectOf, type ErrorRow, errorRows, marksOf } from '../../src/bridge/errors-reference.ts'
import { PROVIDER_TYPES } from '../../src/bridge/providers/registry.ts'
import { Refusal } from '../../src/kernel/error.ts'
import { REASONS, type Reason } from '../../src/kernel/reasons.ts'
import { writeReply } from '../../src/relay/reply.ts'
import { type Answer, exchangeOn, get } from '../flow/wire.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { connectRaw } from '../support/raw-client.ts'

const ROWS = errorRows()

describe('the table of errors', () => {
  let server: http.Server
  let port: number
  before(async () => {
    server = http.createServer((request, response) => {
      const [reason = '', dialect, upgrade] = (request.url ?? '').slice(1).split('/')
      const type = PROVIDER_TYPES.find(one => dialectOf(one) === dialect)
      assert.ok(type !== undefined && isReason(reason))
      const context = { upgrade: upgrade === 'upgrade', now: Date.now() }
      void writeReply(response, errorReply(type, new Refusal(reason, 'a secret detail'), context))
    })
    port = await listenOnLoopback(server)
  })
  after(async () => {
    server.close()
    await once(server, 'close')
  })

  async function ask({ reason, dialect }: ErrorRow, upgrade = ''): Promise<Answer> {
    const socket = await connectRaw({ host: '127.0.0.1', port })
    const answer = await exchangeOn(socket, get(`/${reason}/${dialect}/${upgrade}`, 'localhost'))
    socket.destroy()
    return answer
  }

  for (const row of ROWS) {
    it(`holds for ${row.reason} in the dialect of ${row.dialect}`, async () => {
      const answer = await ask(row)
      assert.equal(answer.status, row.status)
      assert.equal(answer.head.header('content-type'), 'application/json')
      assert.equal(answer.head.header('x-aibridge-reason'), row.reason)
      assert.equal(answer.head.header('retry-after'), row.saysWhen ? '1' : undefined)
      assert.equal(marksOf(answer.text), row.marks)
      assert.ok(answer.text.includes(JSON.stringify(REASONS[row.reason].text).slice(1, -1)))
      assert.ok(!answer.text.includes('secret'))
      const upgrade = await ask(row, 'upgrade')
      assert.deepEqual(
        [upgrade.status, upgrade.head.header('retry-after'), upgrade.text],
        [426, undefined, answer.text],
      )
    })
  }

  it('names a dialect for every type of provider', () => {
    for (const type of PROVIDER_TYPES) assert.ok(dialectOf(type) !== undefined, type.type)
  })

  it('has every reason that the bridge and the way to a provider give', () => {
    const folder = join(import.meta.dirname, '../../src')
    const sources = globSync(['bridge/**/*.ts', 'admin/base-url/*.ts'], { cwd: folder })
    const listed = new Set(ROWS.map(({ reason }) => reason))
    const missing = sources.flatMap(path => {
      const text = readFileSync(join(folder, path), 'utf8')
      const given = text.matchAll(/(?:new Refusal\(|reason: )'(\w+)'/g)
      return [...given].flatMap(([, reason = '']) =>
        isReason(reason) && !listed.has(reason) ? [`${path}: ${reason}`] : [],
      )
    })
    assert.deepEqual(missing, [])
  })
})

function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text)
}
