/** How one kind of client is made to send a single request. */
export interface Probe {
  readonly client: string
  readonly command: string
  /** Sends GET or HEAD to the URL, and ends whatever is answered. */
  readonly args: (url: string) => readonly string[]
  readonly env?: (url: string) => Readonly<Record<string, string>>
  /** What to know when it does not come to the proxy. */
  readonly bypass: string
}

/** Ends with this when the interpreter is there and its library is not. */
export const NO_LIBRARY = 3

const HONOURS = 'it does not go by HTTPS_PROXY, or NO_PROXY names the host'

function python(library: string, call: string): readonly string[] {
  return [
    '-c',
    [
      'import sys',
      `try: import ${library}`,
      `except ImportError: sys.exit(${NO_LIBRARY})`,
      call,
    ].join('\n'),
  ]
}

const fetchIn = (url: string): string => `await fetch(${JSON.stringify(url)})`

/** Those that agents are made of or use, in the order in which they are most often met. */
export const PROBES: readonly Probe[] = [
  {
    client: 'node',
    command: 'node',
    args: url => ['--input-type=module', '-e', fetchIn(url)],
    bypass:
      'fetch goes by HTTPS_PROXY from Node 22.21 and 24.5 on; older ones need an agent that brings its own',
  },
  {
    client: 'python',
    command: 'python3',
    args: url => python('urllib.request', `urllib.request.urlopen(${JSON.stringify(url)})`),
    bypass: HONOURS,
  },
  {
    client: 'python requests',
    command: 'python3',
    args: url => python('requests', `requests.get(${JSON.stringify(url)})`),
    bypass: HONOURS,
  },
  {
    client: 'python httpx',
    command: 'python3',
    args: url => python('httpx', `httpx.get(${JSON.stringify(url)})`),
    bypass: HONOURS,
  },
  {
    client: 'curl',
    command: 'curl',
    args: url => ['-sS', '-o', '/dev/null', url],
    bypass: HONOURS,
  },
  {
    client: 'git',
    command: 'git',
    args: url => ['ls-remote', url],
    env: () => ({ GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'true' }),
    bypass: `${HONOURS}, or git has an http.proxy of its own`,
  },
  {
    client: 'bun',
    command: 'bun',
    args: url => ['-e', fetchIn(url)],
    bypass: HONOURS,
  },
  {
    client: 'deno',
    command: 'deno',
    args: url => ['eval', fetchIn(url)],
    bypass: HONOURS,
  },
  {
    client: 'go',
    command: 'go',
    // Its module client is Go's own net/http, without anything to compile.
    args: () => ['list', '-m', '-versions', 'doctor.invalid/module'],
    env: url => ({ GOPROXY: url, GONOSUMDB: '*', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' }),
    bypass: HONOURS,
  },
]
