import { takeOptionFlags } from '../config/flags.ts'
import type { Settings } from '../config/settings.ts'
import { type CliContext, type Command, configure } from './context.ts'

/** Every command; its module is loaded when it is run: most need no daemon's. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    summary: 'run the daemon (the default)',
    load: async () => {
      const { runServe, SERVE_USAGE } = await import('./serve.ts')
      return { usage: SERVE_USAGE, run: runServe }
    },
  },
  {
    name: 'run',
    summary: 'run one command behind a private daemon',
    load: async () => {
      const { runRun, RUN_USAGE } = await import('./run.ts')
      return { usage: RUN_USAGE, run: runRun }
    },
  },
  {
    name: 'env',
    summary: 'print the variables that make clients use the proxy',
    load: async () => {
      const { runEnv, ENV_USAGE } = await import('./env.ts')
      return { usage: ENV_USAGE, run: runEnv }
    },
  },
  {
    name: 'token',
    summary: "create, list and revoke callers' tokens",
    load: async () => {
      const { runToken, TOKEN_USAGE } = await import('./token.ts')
      const run = (context: CliContext) => {
        const { settings, rest } = configured(context)
        return runToken(rest, context, settings)
      }
      return { usage: TOKEN_USAGE, run }
    },
  },
  {
    name: 'ca',
    summary: 'make, show, rotate and bundle the interception CA',
    load: async () => {
      const { CA_USAGE, runCa } = await import('./ca.ts')
      const run = (context: CliContext) => {
        const { settings, rest } = configured(context)
        const { stateDir, proxy } = settings
        return runCa(rest, context, { stateDir, hosts: proxy.interceptedHosts, ca: proxy.ca })
      }
      return { usage: CA_USAGE, run }
    },
  },
  {
    name: 'usage',
    summary: 'who spent what, from the records',
    load: async () => {
      const { runUsage, USAGE_USAGE } = await import('./usage.ts')
      const run = (context: CliContext) => {
        const { settings, rest } = configured(context)
        const { stateDir, postgres, policy, budget } = settings
        return runUsage(rest, context, { stateDir, postgres, policy, budgetPolicy: budget.policy })
      }
      return { usage: USAGE_USAGE, run }
    },
  },
  {
    name: 'audit',
    summary: 'verify the hash chain of a structured log',
    load: async () => {
      const { AUDIT_USAGE, runAudit } = await import('./audit.ts')
      return { usage: AUDIT_USAGE, run: context => runAudit(context.args, context) }
    },
  },
  {
    name: 'check',
    summary: 'validate the configuration and explain verdicts',
    load: async () => {
      const { CHECK_USAGE, runCheck } = await import('./check.ts')
      return { usage: CHECK_USAGE, run: runCheck }
    },
  },
  {
    name: 'doctor',
    summary: 'find what fails, and say what mends it',
    load: async () => {
      const { DOCTOR_USAGE, runDoctor } = await import('./doctor/doctor.ts')
      return { usage: DOCTOR_USAGE, run: runDoctor }
    },
  },
  {
    name: 'docs',
    summary: 'write the generated documents',
    load: async () => {
      const { DOCS_USAGE, runDocs } = await import('./docs.ts')
      return { usage: DOCS_USAGE, run: context => runDocs(context, COMMANDS) }
    },
  },
]

/** The configuration of commands whose other flags are their own. */
function configured(context: CliContext): {
  readonly settings: Settings
  readonly rest: readonly string[]
} {
  const { options, rest } = takeOptionFlags(context.args)
  return { settings: configure({ ...context, args: options }).loaded.settings, rest }
}
