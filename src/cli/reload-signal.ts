/**
 * SIGHUP, from before the daemon starts: unhandled it would end the process,
 * and systemd, which takes that for a clean end, would leave it ended.
 */
export class ReloadSignal implements Disposable {
  readonly #answer = Promise.withResolvers<() => Promise<void>>()
  #last: Promise<void> = Promise.resolve()

  constructor() {
    process.on('SIGHUP', this.#onSignal)
  }

  /** One reload after the other, beginning with what came during the start. */
  answerWith(reload: () => Promise<void>): void {
    this.#answer.resolve(reload)
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onSignal)
  }

  readonly #onSignal = (): void => {
    this.#last = this.#last.then(async () => (await this.#answer.promise)())
  }
}
