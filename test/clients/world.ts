import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { AWS_KEYS } from '../support/aws-signature.ts'
import { createToken, type DaemonProcess, startDaemonProcess } from '../support/daemon-process.ts'
import { type Origin, startHttpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import { copilotBackend } from './copilot-backend.ts'
import { clientEnvironment, type Environment, tunnelEnvironment, USER } from './environment.ts'
import { gitServer, npmRegistry } from './package-servers.ts'

export const CENTRAL_KEYS = {
  anthropic: 'sk-ant-central-7d1f0a52c9e8',
  openai: 'sk-central-openai-41b7e6603d2f',
  google: 'AIza-central-8f20c1d4b6a3',
} as const

/** One daemon, and everything on loopback that clients reach through it. */
export interface World extends AsyncDisposable {
  readonly daemon: DaemonProcess
  readonly token: string
  /** May read everybody's records. */
  readonly auditorToken: string
  readonly dir: string
  /** Intercepted: anthropic, openai, copilot. By base URL: google, bedrock. Tunnelled: gemini. */
  readonly providers: Readonly<Record<ProviderName, Provider>>
  readonly origins: { readonly git: Origin; readonly npm: Origin }
  readonly interceptedEnv: Environment
  readonly tunnelledEnv: Environment
}

export type ProviderName = 'anthropic' | 'openai' | 'copilot' | 'gemini' | 'google' | 'bedrock'

/** `env`: what the daemon gets beside its providers, or instead. */
export async function startWorld(env: Environment = {}): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'aibridge-clients-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))

  const providers = {
    anthropic: stack.use(await startProvider()),
    openai: stack.use(await startProvider()),
    copilot: stack.use(await startProvider({ behaviour: copilotBackend })),
    gemini: stack.use(await startProvider()),
    google: stack.use(await startProvider()),
    bedrock: stack.use(await startProvider()),
  }
  const origins = {
    git: stack.use(await startHttpOrigin({ handler: await gitServer(join(dir, 'git')) })),
    npm: stack.use(await startHttpOrigin({ handler: await npmRegistry(join(dir, 'npm')) })),
  }

  const tunnelled = [providers.gemini, origins.git, origins.npm].map(({ port }) => port)
  const daemon = stack.use(
    await startDaemonProcess({
      env: { ...providerEnv(providers), ...tunnelEnv(tunnelled), ...env },
    }),
  )
  const token = await createToken(daemon, USER)
  const auditorToken = await createToken(daemon, 'auditor', '--admin')
  const interceptedEnv = await clientEnvironment(daemon, token)
  const tunnelledEnv = tunnelEnvironment(interceptedEnv, testPki().certFile)

  const owned = stack.move()
  return {
    daemon,
    token,
    auditorToken,
    dir,
    providers,
    origins,
    interceptedEnv,
    tunnelledEnv,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function providerEnv(providers: World['providers']): Environment {
  const { anthropic, openai, copilot, google, bedrock } = providers
  const prefix = 'CODER_AIBRIDGE_PROVIDER_'
  const entry = (index: number, fields: Environment): [string, string][] =>
    Object.entries({ ...fields, CA_FILE: testPki().certFile }).map(([key, value]) => [
      `${prefix}${index}_${key}`,
      value,
    ])

  return Object.fromEntries([
    ...entry(0, { TYPE: 'anthropic', KEY: CENTRAL_KEYS.anthropic, BASE_URL: anthropic.url }),
    ...entry(1, { TYPE: 'openai', KEY: CENTRAL_KEYS.openai, BASE_URL: `${openai.url}/v1` }),
    ...entry(2, {
      TYPE: 'copilot',
      BASE_URL: copilot.url,
      HOSTS: 'api.individual.githubcopilot.com,api.github.com',
    }),
    ...entry(3, { TYPE: 'google', KEY: CENTRAL_KEYS.google, BASE_URL: google.url }),
    ...entry(4, {
      TYPE: 'bedrock',
      BEDROCK_BASE_URL: bedrock.url,
      HOSTS: 'bedrock-runtime.eu-central-1.amazonaws.com',
      BEDROCK_REGION: 'eu-central-1',
      BEDROCK_ACCESS_KEY: AWS_KEYS.id,
      BEDROCK_ACCESS_KEY_SECRET: AWS_KEYS.secret,
    }),
  ])
}

function tunnelEnv(ports: readonly number[]): Environment {
  return {
    CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: ['443', ...ports].join(','),
    CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
  }
}

/** A home and a working directory of one client's own. */
export async function freshHome(
  world: World,
  name: string,
): Promise<{ readonly home: string; readonly work: string }> {
  const home = join(world.dir, 'runs', name, 'home')
  const work = join(world.dir, 'runs', name, 'work')
  await mkdir(home, { recursive: true })
  await mkdir(work, { recursive: true })
  const settings = join(import.meta.dirname, 'settings', name)
  if (existsSync(settings)) await cp(settings, home, { recursive: true })
  return { home, work }
}

/** The PATH on which clients find Node 26 first, then each other. */
export function clientPath(installDir: string): string {
  const node = dirname(process.execPath)
  return [node, join(installDir, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(':')
}
