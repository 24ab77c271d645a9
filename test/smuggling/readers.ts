import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort, listenOnLoopback } from '../support/listen.ts'

/** A request as somebody read it. */
export interface Read {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** Servers of other makers, each in front of the same backend. */
export interface Readers extends AsyncDisposable {
  readonly ports: Readonly<Record<string, number>>
  /** What reached the backend since the last call. */
  take(): readonly Read[]
}

type Config = (port: number, backend: number, dir: string) => string

const HAPROXY: Config = (port, backend) => `
global
  maxconn 100
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server one 127.0.0.1:${backend}
`

const NGINX: Config = (port, backend, dir) => `
daemon off;
pid ${dir}/nginx.pid;
error_log ${dir}/nginx.log;
events { worker_connections 100; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${backend}; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

const SQUID: Config = (port, backend, dir) => `
http_port 127.0.0.1:${port} accel defaultsite=localhost no-vhost
cache_peer 127.0.0.1 parent ${backend} 0 no-query no-digest originserver name=one
request_entities on
digest_generation off
http_access allow all
cache_peer_access one allow all
never_direct allow all
cache deny all
pid_filename ${dir}/squid.pid
access_log none
cache_log ${dir}/squid.log
coredump_dir ${dir}
cache_mem 0
memory_cache_shared off
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.test
`

const PROGRAMS: Readonly<
  Record<string, { readonly config: Config; readonly command: (file: string) => readonly string[] }>
> = {
  haproxy: { config: HAPROXY, command: file => ['/usr/sbin/haproxy', '-db', '-f', file] },
  nginx: { config: NGINX, command: file => ['/usr/sbin/nginx', '-c', file] },
  squid: {
    config: SQUID,
    command: file => ['/usr/sbin/squid', '-N', '-n', `smuggling${process.pid}`, '-f', file],
  },
}

export async function startReaders(): Promise<Readers> {
  await using opened = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'aibridge-readers-'))
  opened.defer(() => rm(dir, { recursive: true, force: true }))
  // Squid and nginx give up root and must still write here.
  await chmod(dir, 0o777)
  let reads: Read[] = []
  const backend = createServer((request, response) => {
    void bodyOf(request).then(body => {
      reads.push({ method: request.method ?? '', path: request.url ?? '', body })
      response.end('ok')
    })
  })
  const port = await listenOnLoopback(backend)
  opened.defer(async () => {
    backend.closeAllConnections()
    backend.close()
    await once(backend, 'close')
  })
  const ports: Record<string, number> = {}
  for (const [name, { config, command }] of Object.entries(PROGRAMS)) {
    const own = await freePort()
    const file = join(dir, `${name}.conf`)
    await writeFile(file, config(own, port, dir))
    const [program = '', ...args] = command(file)
    const child = spawn(program, args, { stdio: 'ignore' })
    opened.defer(() => stop(child))
    await untilListening(own, name)
    ports[name] = own
  }
  const keep = opened.move()
  return {
    ports,
    take() {
      const taken = reads
      reads = []
      return taken
    },
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += String(piece)
  return text
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function untilListening(port: number, name: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await setTimeout(25)
    } finally {
      socket.destroy()
    }
  }
  throw new Error(
    `${name} does not listen: is it installed (apt-get install haproxy nginx-light squid-openssl)?`,
  )
}
