import { type BridgeDeps, createBridge } from '../bridge/bridge.ts'
import { createRemoteBridge } from '../bridge/remote.ts'
import type { Handle } from '../kernel/flow.ts'
import type { Live } from '../kernel/live.ts'
import { SharedMemory } from '../kernel/memory.ts'
import type { OpenedBooks } from './books.ts'
import { dumpedHandle } from './dumps.ts'
import type { Foundation, Snapshot } from './snapshot.ts'

/** Every call goes to the bridge of the moment it begins: this daemon's, or the deployment's. */
export function createHandle(
  live: Live<Snapshot>,
  { recorder, taps }: OpenedBooks,
  { clock, emit, loop }: Foundation,
): Handle {
  const held = new SharedMemory(live.current.settings.limits.heldBytes)
  const embedded = createBridge({
    config: () => bridgeConfig(live.current),
    emit,
    clock,
    books: recorder,
    taps,
    held,
  })
  const remote = createRemoteBridge({ emit, clock, held, loop })
  const bridge: Handle = async call => {
    const { deployment, settings } = live.current
    return deployment === undefined
      ? await embedded(call)
      : await remote(call, { ...shared(settings), bridge: deployment })
  }
  return dumpedHandle(bridge, () => live.current.dumps.calls, clock)
}

function bridgeConfig({
  settings,
  providers,
  toolServers: toolbox,
}: Snapshot): ReturnType<BridgeDeps['config']> {
  return { ...shared(settings), budget: settings.budget, providers: providers.byName, toolbox }
}

/** What both bridges are told. */
function shared({ bridge, policy, limits: { bodyIdleTimeoutMs } }: Snapshot['settings']) {
  return { ...bridge, policy, bodyIdleTimeoutMs }
}
