/**
 * Two sockets made one: what comes in at one goes out at the other, in order, no faster than the other takes it, and the
 * end of each direction by itself. When one breaks, the other still gets what had come before, and is closed then.
 * Sockets must allow being half open. Used by the tunnel; knows neither TLS nor iSCSI.
 */

import type { Socket } from 'node:net'

export interface Coupling {
  /** Take no more from either side, send what has been taken, and close both. */
  stop(): void
}

/** `closeTimeoutMs`: how long a side may take to accept the last bytes for it. */
export function couple(one: Socket, other: Socket, closeTimeoutMs: number): Coupling {
  one.pipe(other)
  other.pipe(one)
  closeAfter(one, other, closeTimeoutMs)
  closeAfter(other, one, closeTimeoutMs)
  return {
    stop() {
      one.unpipe(other)
      other.unpipe(one)
      for (const socket of [one, other]) closeSoon(socket, closeTimeoutMs)
    },
  }
}

/** A side that has read and written everything is closed by its system, and so will be the other. */
function closeAfter(closed: Socket, remaining: Socket, closeTimeoutMs: number): void {
  closed.once('close', () => {
    if (!closed.readableEnded || !closed.writableFinished) closeSoon(remaining, closeTimeoutMs)
  })
}

function closeSoon(socket: Socket, closeTimeoutMs: number): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), closeTimeoutMs)
  socket.once('close', () => clearTimeout(timer))
  socket.destroySoon()
}
