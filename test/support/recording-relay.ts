/**
 * A TCP relay in front of a server that passes every byte on and keeps the first of each direction, so that a test can
 * see what two programs that it only starts have really negotiated. Hold it with `await using`.
 */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface RecordingRelay extends AsyncDisposable {
  readonly port: number
  /** The first bytes of all connections so far, in order of arrival, as Latin-1 text. */
  sentByInitiator(): string
  sentByTarget(): string
}

/** Enough for the login of every connection that a test makes. */
const KEPT_BYTES_MAX = 65_536

/** Listens on 127.0.0.1 and relays to `port` there. */
export async function startRecordingRelay(port: number): Promise<RecordingRelay> {
  const initiator = new Recording()
  const target = new Recording()
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    pass(near, far, initiator)
    pass(far, near, target)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true).once('close', () => sockets.delete(socket))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sentByInitiator: () => initiator.text(),
    sentByTarget: () => target.text(),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

class Recording {
  readonly #chunks: Buffer[] = []
  #keptBytes = 0

  keep(chunk: Buffer): void {
    const kept = chunk.subarray(0, KEPT_BYTES_MAX - this.#keptBytes)
    this.#keptBytes += kept.length
    if (kept.length > 0) this.#chunks.push(kept)
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }
}

function pass(from: Socket, to: Socket, recording: Recording): void {
  from.on('data', (chunk: Buffer) => recording.keep(chunk))
  from.on('error', () => to.destroy())
  from.pipe(to)
}
