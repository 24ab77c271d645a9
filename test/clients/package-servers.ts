import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join, normalize } from 'node:path'

/** The one file of the repository and of the package. */
export const GREETING = 'hello through the tunnel\n'

/** A repository with one commit, served as files (git's dumb protocol). */
export async function gitServer(dir: string): Promise<RequestListener> {
  const work = join(dir, 'work')
  await mkdir(work, { recursive: true })
  await writeFile(join(work, 'greeting.txt'), GREETING)

  const git = (...args: string[]): void => {
    const identity = ['-c', 'user.name=dev', '-c', 'user.email=dev@localhost']
    execFileSync('git', [...identity, ...args], { cwd: work, stdio: 'pipe' })
  }
  git('init', '-q')
  git('add', '.')
  git('commit', '-q', '-m', 'first')
  git('clone', '-q', '--bare', '.', join(dir, 'repo.git'))
  execFileSync('git', ['update-server-info'], { cwd: join(dir, 'repo.git') })
  return files(dir)
}

/** A registry with one package, `hello-local`. */
export async function npmRegistry(dir: string): Promise<RequestListener> {
  const work = join(dir, 'package')
  await mkdir(work, { recursive: true })
  const manifest = { name: 'hello-local', version: '1.0.0', files: ['greeting.txt'] }
  await writeFile(join(work, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(work, 'greeting.txt'), GREETING)
  execFileSync('tar', ['-czf', join(dir, 'hello-local.tgz'), '-C', dir, 'package'])

  const tarball = await readFile(join(dir, 'hello-local.tgz'))
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  return (req, res) => {
    if (req.url === '/hello-local.tgz') {
      res.end(tarball)
      return
    }
    const url = `https://${req.headers.host ?? ''}/hello-local.tgz`
    const version = { ...manifest, dist: { tarball: url, integrity } }
    const document = { name: 'hello-local', 'dist-tags': { latest: '1.0.0' } }
    res.setHeader('content-type', 'application/json')
    res.statusCode = req.url === '/hello-local' ? 200 : 404
    res.end(JSON.stringify({ ...document, versions: { '1.0.0': version } }))
  }
}

function files(dir: string): RequestListener {
  return (req, res) => {
    const path = normalize((req.url ?? '/').split('?')[0] ?? '/')
    readFile(join(dir, path)).then(
      content => res.end(content),
      () => res.writeHead(404).end(),
    )
  }
}
