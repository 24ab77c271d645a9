import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { parseAddress } from '../../src/kernel/address.ts'

/** Addresses of a name, for its first question, its second, …; the last ones stay. */
export type Answers = readonly {
  readonly A?: readonly string[]
  readonly AAAA?: readonly string[]
}[]

export interface NameServer extends AsyncDisposable {
  /** What every name is answered; other names do not exist. May be changed. */
  readonly names: Map<string, Answers>
  /** The names that were asked for, in order. */
  readonly questions: string[]
}

const TYPES: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' }
const HEADER_BYTES = 12
/** A response, authoritative, recursion available. */
const RESPONSE = 0x8580
const NO_SUCH_NAME = 3

/** A DNS server (RFC 1035) on one address, UDP port 53, that says what it is told to. */
export async function startNameServer(address: string): Promise<NameServer> {
  const names = new Map<string, Answers>()
  const questions: string[] = []
  const asked = new Map<string, number>()
  const socket = createSocket('udp4', (query, peer) => {
    const { name, type, end } = readQuestion(query)
    questions.push(name)
    const key = `${name} ${type}`
    const before = asked.get(key) ?? 0
    asked.set(key, before + 1)
    const answers = names.get(name)
    const answer = answers?.[Math.min(before, answers.length - 1)]
    const family = TYPES[type]
    const addresses = family === undefined ? [] : (answer?.[family] ?? [])
    const code = answers === undefined ? NO_SUCH_NAME : 0
    socket.send(response(query, { type, end, code, addresses }), peer.port, peer.address)
  })
  socket.bind(53, address)
  await once(socket, 'listening')
  return {
    names,
    questions,
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

interface Answer {
  readonly type: number
  readonly end: number
  readonly code: number
  readonly addresses: readonly string[]
}

function response(query: Buffer, { type, end, code, addresses }: Answer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(RESPONSE | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(addresses.length, 6)
  const records = addresses.map(text => {
    const data = parseAddress(text)?.bytes ?? Buffer.alloc(0)
    // A pointer to the name of the question, type, class IN, no caching, length.
    const record = Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length])
    return Buffer.concat([record, data])
  })
  return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...records])
}
