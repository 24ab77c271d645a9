import assert from 'node:assert/strict'
import { it } from 'node:test'
import { runStreams } from '../streams/streams.ts'

// A small run of `npm run test:streams`, with the sizes around frames and windows.
it('random streams arrive byte for byte over every protocol', async () => {
  const { streams, failures } = await runStreams(1, 36)
  assert.deepEqual(failures, [])
  assert.deepEqual(streams, { 'http/1.1': 12, h2: 12, websocket: 12 })
})
