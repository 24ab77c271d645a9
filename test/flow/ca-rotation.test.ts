import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { finishRotation, overlapPem, prepareRotation } from '../../src/ca/rotation.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { connectThrough, secureOver } from '../support/raw-client.ts'

const HOST = 'api.openai.com'
const NEXT = { hosts: [], unconstrained: true, keyType: 'ec', lifetimeDays: 30 } as const

/** A handshake that trusts these roots; the fingerprint of the CA that it met. */
async function handshake(daemon: TestDaemon, ca: string): Promise<string> {
  const { socket } = await connectThrough(daemon.proxy, `${HOST}:443`, daemon)
  const secure = await secureOver(socket, { servername: HOST, ca })
  const { issuerCertificate } = secure.getPeerCertificate(true)
  secure.destroy()
  return issuerCertificate.fingerprint256
}

/** Handshakes without end, four at a time, until told to stop; how many there were. */
function load(daemon: TestDaemon, ca: string): () => Promise<number> {
  const over = new AbortController()
  const lanes = Promise.all(
    Array.from({ length: 4 }, async () => {
      let count = 0
      for (; !over.signal.aborted; count += 1) await handshake(daemon, ca)
      return count
    }),
  )
  // What fails is told by whoever stops it.
  lanes.catch(() => undefined)
  return async () => {
    over.abort()
    return (await lanes).reduce((sum, count) => sum + count, 0)
  }
}

describe('rotating the CA', () => {
  it('fails no handshake of a client that trusts both, before, at and after each reload', async () => {
    await using daemon = await startTestDaemon()
    const [directory, before] = [daemon.stateDir, daemon.caPem]
    const context = { hosts: [HOST], now: Date.now() }
    await prepareRotation(directory, { ...NEXT, now: Date.now() })
    const both = daemon.caPem + (await overlapPem(directory, Date.now()))
    const first = await handshake(daemon, both)

    const stop = load(daemon, both)
    await daemon.reload({})
    assert.equal(await handshake(daemon, both), first)
    await finishRotation(directory, context)
    await daemon.reload({})
    const second = await handshake(daemon, both)
    assert.ok((await stop()) > 0)
    assert.notEqual(second, first)
    await assert.rejects(handshake(daemon, before), /certificate/)
  })

  it('hands out what clients have to trust, while the CAs overlap', async () => {
    await using daemon = await startTestDaemon()
    const { host, port } = daemon.api
    const handedOut = async (): Promise<string> =>
      await (await fetch(`http://${host}:${port}/api/v2/aibridge/proxy/ca-cert.pem`)).text()
    const alone = await handedOut()
    await prepareRotation(daemon.stateDir, { ...NEXT, now: Date.now() })
    await daemon.reload({})
    assert.equal(await handedOut(), alone + (await overlapPem(daemon.stateDir, Date.now())))
    await rm(join(daemon.stateDir, 'ca-next.pem'))
    await daemon.reload({})
    assert.equal(await handedOut(), alone)
  })
})
