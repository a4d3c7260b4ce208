/**
 * SIGINT and SIGTERM: the first asks for an orderly stop, the second ends the process at once. Acknowledged writes are
 * with the operating system by then, so even the second loses none of them unless the machine itself goes down.
 */

import { EXIT_CODE } from '../failure.ts'

const EXIT_CODE_OF_SIGNAL = { SIGINT: EXIT_CODE.interrupted, SIGTERM: EXIT_CODE.terminated } as const
export type StopSignal = keyof typeof EXIT_CODE_OF_SIGNAL

export interface StopSignals {
  /** Settles with the first signal, which may have come before anybody asked. */
  readonly first: Promise<StopSignal>
}

/** `exitNow` is called with the exit code that the second signal asks for. */
export function listenForStopSignals(exitNow: (exitCode: number) => void): StopSignals {
  const { promise: first, resolve } = Promise.withResolvers<StopSignal>()
  let hasStarted = false
  const listener = (signal: StopSignal) => {
    if (hasStarted) exitNow(EXIT_CODE_OF_SIGNAL[signal])
    hasStarted = true
    resolve(signal)
  }
  process.on('SIGINT', listener).on('SIGTERM', listener)
  return { first }
}
