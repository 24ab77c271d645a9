import { constants, inflateRawSync } from 'node:zlib'
import type { Memory } from '../../kernel/memory.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { MAX_RATIO, RATIO_ALLOWANCE } from './decode-body.ts'
import { type Frame, FrameParser } from './frame-parser.ts'

interface Options {
  readonly memory: Memory
  readonly onText: (text: string) => void
  /** Messages may be compressed. */
  readonly deflate: boolean
  /** Messages may refer to those before them (RFC 7692 7.1.1). */
  readonly contextTakeover: boolean
  /** Of one message, before and after decompression. */
  readonly maxMessageBytes: number
  /** A message could not be read and is left out. */
  readonly onSkipped: () => void
}

const CONTINUATION = 0
const TEXT = 1
const BINARY = 2
const RSV1 = 4

/** RFC 7692 7.2.2: what the sender has left off. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])
const WINDOW = 32 * 1024
/** What decompressing a message costs, however small it is, in bytes of decompressing. */
const INFLATE_COST = 4 * 1024
/** Most messages are events of a few hundred bytes; zlib would allocate 16 KiB for each. */
const MIN_CHUNK = 1024
const MAX_CHUNK = 64 * 1024

/**
 * The text messages of one direction of a WebSocket: fragments joined,
 * permessage-deflate undone. A message may refer to the text of those before it
 * (context takeover), so the last window of text is kept as a dictionary.
 */
export class MessageParser {
  readonly #options: Options
  readonly #frames: FrameParser
  readonly #message: ByteBuffer
  #window: Buffer = Buffer.alloc(0)
  #kind: 'none' | 'text' | 'binary' | 'skipped' = 'none'
  #compressed = false
  /** What may still come of decompression; every byte that arrives adds to it. */
  #growth = RATIO_ALLOWANCE
  /** A compressed message was lost, and with it what later ones refer to. */
  #lost = false

  constructor(options: Options) {
    this.#options = options
    this.#message = new ByteBuffer(options.memory)
    this.#frames = new FrameParser({
      memory: options.memory,
      onFrame: frame => this.#frame(frame),
      maxFrameBytes: options.maxMessageBytes,
      onOversized: () => this.#oversized(),
    })
  }

  push(bytes: Buffer): void {
    this.#frames.push(bytes)
  }

  #frame({ opcode, fin, reserved, payload }: Frame): void {
    if (opcode > BINARY) return
    if (opcode !== CONTINUATION) this.#begin(opcode, reserved)
    if (this.#kind === 'text' || this.#kind === 'binary') this.#add(payload)
    if (!fin) return
    if (this.#kind === 'text' || this.#kind === 'binary') this.#finish(this.#kind)
    this.#kind = 'none'
  }

  #begin(opcode: number, reserved: number): void {
    this.#message.clear()
    this.#kind = opcode === TEXT ? 'text' : 'binary'
    this.#compressed = reserved === RSV1
    // Another extension, or one that nobody agreed on.
    const known = reserved === 0 || (reserved === RSV1 && this.#options.deflate)
    if (!known) this.#drop()
  }

  #add(payload: Buffer): void {
    const size = this.#message.length + payload.length
    const kept = size <= this.#options.maxMessageBytes && this.#message.append(payload)
    if (!kept) this.#drop()
  }

  /** Its frame is gone; only a continuation can follow that still belongs to it. */
  #oversized(): void {
    // Whether it was compressed is not known any more: assume the worst.
    this.#compressed = true
    this.#drop()
  }

  #drop(): void {
    if (this.#kind !== 'skipped') this.#options.onSkipped()
    if (this.#compressed) this.#lose()
    this.#kind = 'skipped'
    this.#message.clear()
  }

  #finish(kind: 'text' | 'binary'): void {
    const bytes = this.#message.take()
    const plain = this.#compressed ? this.#inflate(bytes) : bytes
    if (plain === undefined) this.#options.onSkipped()
    else if (kind === 'text') this.#options.onText(plain.toString('utf8'))
  }

  #inflate(bytes: Buffer): Buffer | undefined {
    if (this.#lost) return undefined
    const { maxMessageBytes } = this.#options
    const earned = this.#growth + bytes.length * MAX_RATIO - INFLATE_COST
    this.#growth = Math.min(earned, MAX_RATIO * maxMessageBytes)
    if (this.#growth <= 0) {
      this.#lose()
      return undefined
    }
    const limit = Math.min(maxMessageBytes, this.#growth)
    try {
      const plain = inflateRawSync(Buffer.concat([bytes, TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: limit,
        chunkSize: Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, bytes.length * 4)),
        ...(this.#window.length > 0 ? { dictionary: this.#window } : {}),
      })
      this.#growth -= plain.length
      if (this.#options.contextTakeover) {
        this.#window = Buffer.concat([this.#window, plain.subarray(-WINDOW)]).subarray(-WINDOW)
      }
      return plain
    } catch {
      // What came out until then has cost as much as a message.
      this.#growth -= limit
      this.#lose()
      return undefined
    }
  }

  #lose(): void {
    this.#lost = this.#options.contextTakeover || this.#growth <= 0
  }
}
