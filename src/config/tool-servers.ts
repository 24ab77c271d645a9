import { Secret } from '../kernel/secret.ts'
import { isLoopbackHost, type Origin } from '../kernel/target.ts'
import type { ToolServer } from '../kernel/tool-server.ts'
import type { ValueType } from './option.ts'
import { parsed, quote, unparsable } from './parsed.ts'
import { type Files, readSecretFile } from './read-file.ts'
import { readRoots } from './roots-file.ts'
import { duration, LONGEST_TIMER_MS } from './types/duration.ts'
import { baseUrl } from './types/url.ts'
import { openYaml, type YamlNode } from './yaml-node.ts'

const FIELDS = ['name', 'url', 'token_file', 'ca_file', 'allow', 'deny', 'timeout'] as const
const TIMEOUT_MS = 60_000

interface Options extends Files {
  /** What every problem begins with. */
  readonly name: string
}

/** `servers:`, a sequence of `{name, url, token_file, ca_file, allow, deny, timeout}`. */
export function readToolServers(text: string, options: Options): readonly ToolServer[] {
  const { name, report } = options
  const sections = openYaml(text, { name, problems: report.problems })?.fields(['servers'])
  const servers: ToolServer[] = []
  for (const node of sections?.servers?.items('a sequence of servers') ?? []) {
    const server = readServer(node, options)
    if (server === undefined) continue
    if (servers.some(known => known.name === server.name)) {
      node.problem(`there is a server ${quote(server.name)} already: give this one another name`)
    }
    servers.push(server)
  }
  return servers
}

function readServer(node: YamlNode, options: Options): ToolServer | undefined {
  const fields = node.fields(FIELDS)
  const name = required(node, fields.name, 'name')?.value(SERVER_NAME)
  const url = required(node, fields.url, 'url')?.value(baseUrl('invalid URL'))
  const token = fields.token_file && readToken(fields.token_file, options)
  if (name === undefined || url === undefined) return undefined
  const { origin, path } = url
  if (token !== undefined && !isConfidential(origin)) {
    node.problem('a token does not go over plain http: use https')
  }
  return {
    name,
    origin,
    path: path || '/',
    token,
    allow: fields.allow?.value(PATTERN),
    deny: fields.deny?.value(PATTERN),
    caPem: fields.ca_file && readRoots(fields.ca_file.origin, fields.ca_file.text(), options),
    timeoutMs: fields.timeout?.value(TIMEOUT) ?? TIMEOUT_MS,
  }
}

function required(node: YamlNode, field: YamlNode | undefined, name: string): YamlNode | undefined {
  if (field === undefined) node.problem(`needs ${name}`)
  return field
}

function isConfidential({ protocol, target }: Origin): boolean {
  return protocol === 'https' || isLoopbackHost(target.host)
}

/** SECURITY: a token stands in a file of its own, never in this one. */
function readToken(node: YamlNode, files: Options): Secret | undefined {
  const path = node.text()
  if (path === undefined) return undefined
  const content = readSecretFile(path, node.origin, files)
  return content && new Secret(content.text)
}

/** As short as the names of tools must be for every provider. */
const SERVER_NAME: ValueType<string> = {
  label: 'name',
  list: false,
  parse: text =>
    /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 32
      ? parsed(text)
      : unparsable(`${quote(text)}: use up to 32 lower-case letters, digits and hyphens`),
  format: value => value,
  json: value => value ?? '',
}

const PATTERN: ValueType<RegExp> = {
  label: 'regular expression',
  list: false,
  parse(text) {
    try {
      return parsed(new RegExp(text, 'u'))
    } catch {
      return unparsable(`${quote(text)} is not a regular expression`)
    }
  },
  format: value => value.source,
  json: value => value?.source ?? '',
}

const TIMEOUT = duration({ minMs: 1, maxMs: LONGEST_TIMER_MS })
