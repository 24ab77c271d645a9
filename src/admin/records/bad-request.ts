import type { ErrorAnswer } from '../respond.ts'

/** Something that the client asked for and cannot have; answered as it says. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly answer: ErrorAnswer

  constructor(message: string, rest: Omit<ErrorAnswer, 'status' | 'message'> = {}) {
    super(message)
    this.answer = { status: 400, message, ...rest }
  }
}
