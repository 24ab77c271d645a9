import { readFileSync } from 'node:fs'

/** Releases with the fixes of the July 2026 advisories; older ones have known holes. */
const OLDEST: readonly (readonly [major: number, minor: number, patch: number])[] = [
  [24, 18, 1],
  [26, 5, 1],
]

/** The version of this package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : ''
  return String(version)
}

/** What is wrong with the runtime that we were started with, if anything is. */
export function runtimeProblem(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number)
  const floor = OLDEST.find(([line]) => line === major)
  const fits =
    floor === undefined ? major > 26 : minor > floor[1] || (minor === floor[1] && patch >= floor[2])
  if (fits) return undefined
  return `Node ${version} is too old or has known security holes: use 24.18.1, 26.5.1 or later (\`npm ci\` brings one for \`npm start\`)`
}
