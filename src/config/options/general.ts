import { defineGroup, row, type Surroundings } from '../option.ts'
import { postgresUrl } from '../types/postgres-url.ts'
import { file, integer, oneOf } from '../types/scalar.ts'

export const GENERAL = defineGroup(
  {
    name: 'General',
    description: 'Where the daemon finds its file, keeps its state, and how much it says.',
    prefix: '',
    yaml: [],
    json: [],
  },
  {
    configPath: row({
      name: 'Configuration file',
      description: 'YAML file with options; flags and variables override it.',
      flag: 'config',
      env: 'CODER_CONFIG_PATH',
      yaml: false,
      type: file,
      default: undefined,
      example: '/etc/aibridgeproxyd/config.yaml',
    }),
    postgresUrl: row({
      name: 'PostgreSQL URL',
      description:
        'Keeps tokens and records in PostgreSQL (13 or newer), which any number of daemons share, in the schema `aibridgeproxyd`. Beyond this machine `sslmode` is `verify-full` unless the URL says otherwise; `sslrootcert`, `sslcert` and `sslkey` name files. Unset: SQLite in the state directory.',
      flag: 'postgres-url',
      env: 'CODER_PG_CONNECTION_URL',
      yaml: false,
      json: ['pg_connection_url'],
      type: postgresUrl,
      default: undefined,
      secret: true,
      example: 'postgres://user:password@db.internal/aibridge',
    }),
  },
)

export const STATE = defineGroup(
  {
    name: 'State and log',
    description: 'Options of the process as a whole.',
    prefix: 'aibridge-proxy',
    aliasPrefix: 'ai-gateway-proxy',
    yaml: ['aibridgeproxy'],
    yamlAlias: ['ai_gateway_proxy'],
    json: ['ai', 'aibridge_proxy'],
  },
  {
    stateDir: row({
      name: 'State directory',
      description:
        'Holds the CA, and the tokens and the records unless PostgreSQL does. Created with mode 0700.',
      flag: 'state-dir',
      type: file,
      default: defaultStateDir,
      defaultText:
        '$STATE_DIRECTORY, else $XDG_STATE_HOME/aibridgeproxyd, else ~/.local/state/aibridgeproxyd',
      example: '/var/lib/aibridgeproxyd',
    }),
    logLevel: row({
      name: 'Log level',
      description: 'The least important level that is written.',
      flag: 'log-level',
      type: oneOf('trace', 'debug', 'info', 'warn', 'error'),
      default: 'info',
      restart: false,
      example: 'debug',
    }),
    workers: row({
      name: 'Workers',
      description: 'Processes that share the listeners.',
      flag: 'workers',
      type: integer({ min: 1, max: 256 }),
      default: 1,
      effect: 'none-yet',
      example: '4',
    }),
  },
)

/**
 * systemd sets STATE_DIRECTORY (systemd.exec(5), a list with colons if the
 * unit names several); XDG_STATE_HOME counts only when absolute (XDG Base
 * Directory Specification).
 */
function defaultStateDir({ env, home }: Surroundings): string {
  const [systemd] = (env['STATE_DIRECTORY'] ?? '').split(':')
  if (systemd !== undefined && systemd !== '') return systemd
  const xdg = env['XDG_STATE_HOME'] ?? ''
  return `${xdg.startsWith('/') ? xdg : `${home}/.local/state`}/aibridgeproxyd`
}
