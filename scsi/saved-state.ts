/**
 * What a logical unit keeps over restarts and power loss: persistent reservations with APTPL (SPC-4), saved mode pages,
 * identifying information. A family of commands owns its keys and the format of its values; whoever makes the logical
 * unit gives it a place to keep them, in which every disk has its own.
 */

export interface SavedState {
  /** The value last written under `key`; null when there is none. Ownership: a fresh buffer. */
  read(key: string): Buffer | null
  /**
   * Keep `value` under `key`, or forget the key when it is null.
   * Errors: throws when it cannot be kept, and then the old value is still there. When the call returns, the new one
   * survives a power loss.
   */
  write(key: string, value: Buffer | null): void
}

/** Keeps state as long as the process lives. */
export class MemorySavedState implements SavedState {
  readonly #values = new Map<string, Buffer>()

  read(key: string): Buffer | null {
    const value = this.#values.get(key)
    return value === undefined ? null : Buffer.from(value)
  }

  write(key: string, value: Buffer | null): void {
    if (value === null) this.#values.delete(key)
    else this.#values.set(key, Buffer.from(value))
  }
}
