import assert from 'node:assert/strict'
import { it } from 'node:test'
import { runStreams } from '../streams/streams.ts'
import { runTunnels } from '../streams/tunnels.ts'

// A small run of `npm run test:streams`, with the sizes around frames and windows.
it('random streams arrive byte for byte over every protocol', async () => {
  const { streams, failures } = await runStreams(1, 18)
  assert.deepEqual(failures, [])
  assert.deepEqual(streams, { 'http/1.1': 6, h2: 6, websocket: 6 })
})

it('random tunnels carry every byte, however they pause and end', async () => {
  const { endings, failures } = await runTunnels(1, 16)
  assert.deepEqual(failures, [])
  assert.deepEqual(endings, { 'in order': 10, 'client breaks': 4, 'origin breaks': 2 })
})
