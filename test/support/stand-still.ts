const NOTHING = new Int32Array(new SharedArrayBuffer(4))

/** Holds this thread up as a stopped process, or a loop with too much to do, would be. */
export function standStill(ms: number): void {
  Atomics.wait(NOTHING, 0, 0, ms)
}
