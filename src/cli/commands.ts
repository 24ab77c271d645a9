import { takeOptionFlags } from '../config/flags.ts'
import type { Settings } from '../config/settings.ts'
import { AUDIT_USAGE, runAudit } from './audit.ts'
import { CA_USAGE, runCa } from './ca.ts'
import { CHECK_USAGE, runCheck } from './check.ts'
import { type CliContext, type Command, configure } from './context.ts'
import { DOCS_USAGE, runDocs } from './docs.ts'
import { DOCTOR_USAGE, runDoctor } from './doctor/doctor.ts'
import { ENV_USAGE, runEnv } from './env.ts'
import { RUN_USAGE, runRun } from './run.ts'
import { runServe, SERVE_USAGE } from './serve.ts'
import { runToken, TOKEN_USAGE } from './token.ts'
import { runUsage, USAGE_USAGE } from './usage.ts'

/** Every command: dispatch, `--help` and the reference are made of this. */
export const COMMANDS: readonly Command[] = [
  { name: 'serve', summary: 'run the daemon (the default)', usage: SERVE_USAGE, run: runServe },
  {
    name: 'run',
    summary: 'run one command behind a private daemon',
    usage: RUN_USAGE,
    run: runRun,
  },
  {
    name: 'env',
    summary: 'print the variables that make clients use the proxy',
    usage: ENV_USAGE,
    run: runEnv,
  },
  {
    name: 'token',
    summary: "create, list and revoke callers' tokens",
    usage: TOKEN_USAGE,
    run: context => {
      const { settings, rest } = configured(context)
      return runToken(rest, context, settings)
    },
  },
  {
    name: 'ca',
    summary: 'make, show and bundle the interception CA',
    usage: CA_USAGE,
    run: context => {
      const { settings, rest } = configured(context)
      const { stateDir, proxy } = settings
      return runCa(rest, context, { stateDir, hosts: proxy.interceptedHosts, ca: proxy.ca })
    },
  },
  {
    name: 'usage',
    summary: 'who spent what, from the records',
    usage: USAGE_USAGE,
    run: context => {
      const { settings, rest } = configured(context)
      const { stateDir, postgres, policy, budget } = settings
      return runUsage(rest, context, { stateDir, postgres, policy, budgetPolicy: budget.policy })
    },
  },
  {
    name: 'audit',
    summary: 'verify the hash chain of a structured log',
    usage: AUDIT_USAGE,
    run: context => runAudit(context.args, context),
  },
  {
    name: 'check',
    summary: 'validate the configuration and explain verdicts',
    usage: CHECK_USAGE,
    run: runCheck,
  },
  {
    name: 'doctor',
    summary: 'find what fails, and say what mends it',
    usage: DOCTOR_USAGE,
    run: runDoctor,
  },
  {
    name: 'docs',
    summary: 'write the generated documents',
    usage: DOCS_USAGE,
    run: context => runDocs(context, COMMANDS),
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
