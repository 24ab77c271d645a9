import { AUDIT_USAGE, runAudit } from './audit.ts'
import { CA_USAGE, runCa } from './ca.ts'
import { CHECK_USAGE, runCheck } from './check.ts'
import { type CliContext, type Command, configure } from './context.ts'
import { DOCS_USAGE, runDocs } from './docs.ts'
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
    run: context => runToken(context.args, context, { stateDir: settingsOf(context).stateDir }),
  },
  {
    name: 'ca',
    summary: 'make, show and bundle the interception CA',
    usage: CA_USAGE,
    run: context => {
      const { stateDir, proxy } = settingsOf(context)
      return runCa(context.args, context, { stateDir, hosts: proxy.interceptedHosts, ca: proxy.ca })
    },
  },
  {
    name: 'usage',
    summary: 'who spent what, from the records',
    usage: USAGE_USAGE,
    run: context => runUsage(context.args, context, { stateDir: settingsOf(context).stateDir }),
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
    name: 'docs',
    summary: 'write the generated documents',
    usage: DOCS_USAGE,
    run: context => runDocs(context, COMMANDS),
  },
]

/** The configuration of commands whose flags are their own. */
function settingsOf(context: CliContext): ReturnType<typeof configure>['loaded']['settings'] {
  return configure({ ...context, args: [] }).loaded.settings
}
