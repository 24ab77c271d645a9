import { type BridgeDeps, createBridge } from '../bridge/bridge.ts'
import { createRemoteBridge } from '../bridge/remote.ts'
import type { Handle } from '../kernel/flow.ts'
import type { Live } from '../kernel/live.ts'
import type { OpenedBooks } from './books.ts'
import { dumpedHandle } from './dumps.ts'
import type { Foundation, Snapshot } from './snapshot.ts'

/** Every call goes to the bridge of the moment it begins: this daemon's, or the deployment's. */
export function createHandle(
  live: Live<Snapshot>,
  { recorder, taps }: OpenedBooks,
  { clock, emit }: Foundation,
): Handle {
  const embedded = createBridge({
    config: () => bridgeConfig(live.current),
    emit,
    clock,
    books: recorder,
    taps,
  })
  const remote = createRemoteBridge({ emit, clock })
  const bridge: Handle = async call => {
    const { deployment, settings } = live.current
    return deployment === undefined
      ? await embedded(call)
      : await remote(call, { ...settings.bridge, policy: settings.policy, bridge: deployment })
  }
  return dumpedHandle(bridge, () => live.current.dumps.calls, clock)
}

function bridgeConfig({
  settings,
  providers,
  toolServers: toolbox,
}: Snapshot): ReturnType<BridgeDeps['config']> {
  const { bridge, policy, budget } = settings
  return { ...bridge, policy, budget, providers: providers.byName, toolbox }
}
