import { ConfigurationError } from '../kernel/error.ts'

/** Flags of the runtime that open it, weaken what it speaks, or write memory down. */
const DANGEROUS: readonly (readonly [flag: RegExp, why: string])[] = [
  [/^--(?:inspect|debug)(?:-|=|$)/, 'opens a debugger port, through which every key can be read'],
  [/^--insecure-http-parser$/, 'lets requests through that two readers read in two ways'],
  [/^--tls-min-v1\.[01]$/, 'allows TLS versions that are broken'],
  [/^--tls-keylog(?:=|$)/, 'writes the keys of all TLS sessions down'],
  [/^--trace-tls$/, 'writes TLS down'],
  [/^--heapsnapshot-/, 'writes memory with all its keys down'],
  [/^--abort-on-uncaught-exception$/, 'writes memory with all its keys down when it fails'],
  [/^--report-(?:on|uncaught)/, 'writes reports; only with --report-exclude-env without secrets'],
  [/^--experimental-(?:default-)?config-file/, 'sets flags that nobody checks'],
]

/**
 * Refuses an environment in which a daemon that holds keys must not run. It is
 * too late to take these back: the runtime has read them by now.
 * @throws ConfigurationError
 */
export function refuseUnsafeRuntime(
  env: Readonly<Record<string, string | undefined>>,
  execArgv: readonly string[],
): void {
  // Node takes quotes there, and `_` for `-` in the names of flags.
  const options = (env['NODE_OPTIONS'] ?? '').replaceAll(/["\\]/g, '').split(/\s+/)
  const flags = [...execArgv, ...options].map(flag =>
    flag.replace(/^[^=]*/, name => name.replaceAll('_', '-')),
  )
  const problems = flags.flatMap(flag => {
    const found = DANGEROUS.find(([pattern]) => pattern.test(flag))
    const harmless = flag.startsWith('--report-') && flags.includes('--report-exclude-env')
    return found === undefined || harmless
      ? []
      : [`${flag} (NODE_OPTIONS, or an argument of node) ${found[1]}: leave it out`]
  })
  for (const name of ['NODE_DEBUG', 'NODE_DEBUG_NATIVE']) {
    if ((env[name] ?? '') !== '') {
      problems.push(`${name} prints headers, and with them keys, to stderr: unset it`)
    }
  }
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    problems.push(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 asks for connections without verification, which this daemon never makes: unset it, and give the CA of a provider in CODER_AIBRIDGE_PROVIDER_<N>_CA_FILE',
    )
  }
  if (problems.length > 0) throw new ConfigurationError(problems)
}

/**
 * Takes our variables out of the process's environment and gives a copy of all
 * of it: reports, threads and children get to see no key. (What the process was
 * started with stays in /proc/PID/environ: keys in files are not there.)
 */
export function takeEnvironment(
  env: NodeJS.ProcessEnv,
): Readonly<Record<string, string | undefined>> {
  const taken = { ...env }
  for (const name of Object.keys(taken)) {
    if (name.startsWith('CODER_')) delete env[name]
  }
  return taken
}
