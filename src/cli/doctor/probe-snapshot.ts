import { Translator } from '../../bridge/bedrock/translator.ts'
import { generateLeafKey } from '../../ca/leaf-key.ts'
import type { Settings } from '../../config/settings.ts'
import { loadOrCreateAuthority } from '../../daemon/authority.ts'
import {
  buildSnapshot,
  createResolvers,
  endSnapshot,
  type Snapshot,
} from '../../daemon/snapshot.ts'
import { createLoopMark } from '../../egress/loop.ts'
import { createOwn } from '../../egress/own.ts'
import { systemClock } from '../../kernel/clock.ts'

/** The legs of a daemon with these settings, without the daemon. */
export async function openProbeSnapshot(settings: Settings): Promise<Snapshot & AsyncDisposable> {
  const authority = await loadOrCreateAuthority(settings, systemClock.now())
  const snapshot = buildSnapshot(settings, authority, {
    clock: systemClock,
    emit: () => {},
    leafKey: await generateLeafKey(),
    own: createOwn(() => []),
    loop: createLoopMark(),
    resolvers: createResolvers(settings.limits.dnsTimeoutMs, undefined),
    translator: new Translator(),
    version: 'doctor',
    warn: () => {},
  })
  return { ...snapshot, [Symbol.asyncDispose]: () => endSnapshot(snapshot) }
}
