import { ConfigurationError, describeError, errorCode } from './error.ts'
import { addressText, type ListenAddress } from './target.ts'

/** Why a port cannot be opened, with the option that asks for it and what mends it. */
export function listenFailure(
  option: string,
  { host, port }: ListenAddress,
  error: unknown,
): ConfigurationError {
  const fix = FIXES[errorCode(error) ?? ''] ?? 'use an address of this machine'
  return new ConfigurationError([
    `failed to listen on ${addressText(host, port)} (${option}): ${describeError(error)}: ${fix}`,
  ])
}

const FIXES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process has it; stop that one or choose another port',
  EACCES: 'choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE',
}
