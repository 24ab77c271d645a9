import type { MessagePort } from 'node:worker_threads'
import { parentPort, workerData } from 'node:worker_threads'
import { Observations } from './observations.ts'
import type { TapWorkerData, ToTapWorker } from './protocol.ts'
import { ReadingTurns } from './reading-turns.ts'

/*
 * The thread that reads copies of bodies: what it costs to parse a prompt of
 * megabytes must not be paid by the streams of others. An error that nobody
 * expects ends this thread; the other side starts a new one.
 */

if (parentPort !== null) main(parentPort, workerData)

function main(port: MessagePort, { limits }: TapWorkerData): void {
  let isClosing = false
  const turns = new ReadingTurns(new Observations(limits), message => {
    port.postMessage(message)
    if (isClosing && turns.isIdle) port.close()
  })
  port.on('message', (message: ToTapWorker) => {
    if (message.type === 'batch') return turns.add(message.batch)
    isClosing = true
    if (turns.isIdle) port.close()
  })
}
