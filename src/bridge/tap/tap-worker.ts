import type { MessagePort } from 'node:worker_threads'
import { parentPort, workerData } from 'node:worker_threads'
import { Observations } from './observations.ts'
import type { Finding, FromTapWorker, TapWorkerData, ToTapWorker } from './protocol.ts'

/*
 * The thread that reads copies of bodies: what it costs to parse a prompt of
 * megabytes must not be paid by the streams of others. An error that nobody
 * expects ends this thread; the other side starts a new one.
 */

if (parentPort !== null) main(parentPort, workerData)

function main(port: MessagePort, { limits }: TapWorkerData): void {
  const observations = new Observations(limits)
  port.on('message', (message: ToTapWorker) => {
    if (message.type === 'close') return port.close()
    const tell = (findings: readonly Finding[], isRead: boolean): void =>
      port.postMessage({ findings, isRead } satisfies FromTapWorker)
    const { bytes, operations } = message
    tell(
      observations.apply(bytes, operations, part => tell(part, false)),
      true,
    )
  })
}
