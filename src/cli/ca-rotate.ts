import { describeAuthorityFile } from '../ca/describe-authority.ts'
import { authorityFiles } from '../ca/ensure-authority.ts'
import { finishRotation, overlapPem, prepareRotation } from '../ca/rotation.ts'
import { type TrustFiles, writeTrustFiles } from '../ca/trust.ts'
import { ConfigurationError } from '../kernel/error.ts'
import {
  type CaContext,
  type CaFlags,
  newAuthority,
  OF_A_NEW_ONE,
  refuseFlags,
} from './ca-flags.ts'
import { formatAuthority } from './ca-text.ts'

/** `ca rotate`: the next CA beside the present one; with `--finish` in its place. */
export async function rotate(flags: CaFlags, context: CaContext): Promise<void> {
  refuseFlags(flags, 'rotate', ['dir', 'out', 'force'])
  if (context.ca !== undefined) {
    throw new ConfigurationError([
      `the configuration names a CA of its own, ${context.ca.certFile}: have the next one issued where that comes from, put both files in its place and reload`,
    ])
  }
  if (flags.finish === true) await finish(flags, context)
  else await prepare(flags, context)
}

async function prepare(flags: CaFlags, context: CaContext): Promise<void> {
  const { stateDir, io } = context
  const next = await prepareRotation(stateDir, newAuthority(flags, context))
  const { caFile, bundleFile } = await writeRotatedTrust(context)
  io.stdout.write(formatAuthority(await describeAuthorityFile(next.certFile), next))
  io.stderr.write(
    `${caFile} and ${bundleFile} hold it beside the present CA, which goes on signing. ` +
      'Hand them to clients elsewhere, reload the daemon, and once all have them: aibridgeproxyd ca rotate --finish\n',
  )
}

async function finish(flags: CaFlags, context: CaContext): Promise<void> {
  refuseFlags(flags, 'rotate --finish', [...OF_A_NEW_ONE])
  const { stateDir, hosts, io, clock } = context
  const files = await finishRotation(stateDir, { hosts, now: clock.now() })
  await writeRotatedTrust(context)
  io.stdout.write(formatAuthority(await describeAuthorityFile(files.certFile), files))
  io.stderr.write(
    'it signs from the next start or reload of the daemon; the last CA stays trusted until it ends\n',
  )
}

async function writeRotatedTrust({ stateDir, clock }: CaContext): Promise<TrustFiles> {
  const { trustPem } = await describeAuthorityFile(authorityFiles(stateDir).certFile)
  return await writeTrustFiles(stateDir, trustPem + (await overlapPem(stateDir, clock.now())))
}
