/**
 * Sockets that read into our own memory instead of a new buffer for every read. Node offers that for sockets that one
 * makes (`onread`), not for those that a server accepts, so the accepted socket's handle is given to a new one. Where a
 * handle cannot be had, or is not what we think, the accepted socket is used as it is.
 */

import { Socket, type SocketConstructorOpts } from 'node:net'
import { RECEIVE_BUFFER_BYTES, type ReceiveBuffer, type ReceiveBufferPool } from '../framing/receive-buffer.ts'

/** Gets what was read; `owner` is the memory behind `chunk`, null when the chunk is the receiver's own. */
export type ReceiveChunk = (chunk: Buffer, owner: ReceiveBuffer | null) => void

/** The part of Node's socket that its declarations leave out. */
interface SocketWithHandle {
  _handle: { useUserBuffer?: unknown } | null
}

/** After so many reads that a small buffer would have held, a socket goes back to one. */
const SMALL_READS_MAX = 256

/**
 * The socket to use in place of `accepted`, which must be paused and untouched. Every read goes to `receive`, from the
 * next turn of the event loop on.
 */
export function receiveInto(accepted: Socket, pool: ReceiveBufferPool, receive: ReceiveChunk): Socket {
  const shell = accepted as unknown as SocketWithHandle
  const handle = shell._handle
  if (typeof handle?.useUserBuffer !== 'function') {
    accepted.on('data', (chunk: Buffer) => receive(chunk, null))
    accepted.resume()
    return accepted
  }
  shell._handle = null
  accepted.destroy()
  let current = pool.take(RECEIVE_BUFFER_BYTES.small)
  let inUse: Buffer | null = null
  let smallReads = 0
  const replace = (byteCount: number): void => {
    current.release()
    current = pool.take(byteCount)
  }
  /** Tells Node another buffer when somebody holds this one, or when its size does not suit any more. */
  const nextMemory = (): Buffer | undefined => {
    const byteCount = smallReads > SMALL_READS_MAX ? RECEIVE_BUFFER_BYTES.small : current.memory.length
    if (current.isShared || byteCount !== current.memory.length) replace(byteCount)
    if (current.memory === inUse) return undefined
    inUse = current.memory
    return inUse
  }
  const onread = {
    buffer: nextMemory,
    callback: (byteCount: number): boolean => {
      const { memory } = current
      smallReads = byteCount <= RECEIVE_BUFFER_BYTES.small ? smallReads + 1 : 0
      receive(memory.subarray(0, byteCount), current)
      if (byteCount === memory.length) {
        smallReads = 0
        if (memory.length !== RECEIVE_BUFFER_BYTES.large) replace(RECEIVE_BUFFER_BYTES.large)
      }
      return true
    },
  }
  const socket = new Socket({ handle, onread } as unknown as SocketConstructorOpts)
  socket.once('close', () => current.release())
  return socket
}
