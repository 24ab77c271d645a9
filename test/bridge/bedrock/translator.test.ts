import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Translator } from '../../../src/bridge/bedrock/translator.ts'

const MIB = 1024 * 1024
const TERMS = { codings: [], betas: [], models: { model: 'large', smallFastModel: 'small' } }

describe('the thread that translates', () => {
  it('refuses what would take all of its memory, to no harm of other requests', async () => {
    await using translator = new Translator()
    const other = translator.begin('ada')
    other.push(Buffer.from('{"model":"claude-haiku-4"'))
    const bomb = translator.begin('eve')
    bomb.push(Buffer.from('{"a":['))
    for (let i = 0; i < 10; i += 1) bomb.push(Buffer.alloc(3 * MIB, '{},'))
    bomb.push(Buffer.from('0]}'))
    await assert.rejects(bomb.translate(TERMS), { reason: 'body_unreadable' })
    other.push(Buffer.from('}'))
    assert.equal((await other.translate(TERMS)).model, 'small')
  })

  it('refuses more members than any request has, which cost most', async () => {
    await using translator = new Translator()
    const job = translator.begin('eve')
    const names = Array.from({ length: 1001 }, (_, i) => `"${i}":0`)
    job.push(Buffer.from(`{${names.join(',')}}`))
    await assert.rejects(job.translate(TERMS), { reason: 'body_unreadable' })
  })

  it('has every user wait for own requests only', async () => {
    await using translator = new Translator()
    const order: string[] = []
    const ask = async (user: string): Promise<void> => {
      const job = translator.begin(user)
      job.push(Buffer.from('{}'))
      await job.translate(TERMS)
      order.push(user)
    }
    await Promise.all([...Array<string>(10).fill('eve'), 'ada'].map(ask))
    assert.ok(order.indexOf('ada') < 2, order.join())
    assert.equal(order.length, 11)
  })
})
