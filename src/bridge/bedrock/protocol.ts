import type { BedrockModels } from './translate.ts'

/** How a request is to be read, and what becomes of it. */
export interface Terms {
  readonly codings: readonly string[]
  /** Values of `anthropic-beta`. */
  readonly betas: readonly string[]
  readonly models: BedrockModels
}

/** A body in pieces, then what to do with it; `cancel` forgets the pieces. */
export type ToTranslator =
  | { readonly id: number; readonly type: 'piece'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly type: 'translate'; readonly terms: Terms }
  | { readonly id: number; readonly type: 'cancel' }

/** A request in Bedrock's form. */
export interface Translation {
  readonly model: string
  readonly stream: boolean
  readonly body: Uint8Array<ArrayBuffer>
  /** Hex, of the body. */
  readonly sha256: string
}

export type FromTranslator =
  | (Translation & { readonly id: number })
  | { readonly id: number; readonly unreadable: true }
