/** /events: what changes, as it does, for as long as the token is valid that the caller came with. */

import { Readable } from 'node:stream'
import { bearerToken } from '../authentication.ts'
import type { EventLog } from '../event-stream.ts'
import type { Api } from '../fastify.ts'
import type { Tokens } from '../tokens.ts'
import { operation } from './operation.ts'

const events = operation('Events')

export function eventRoutes(api: Api, log: EventLog, tokens: Tokens, closing: AbortSignal): void {
  api.get(
    '/events',
    events('viewer', 'streamEvents', 'Notifications as server-sent events; Last-Event-ID goes on where one was', {}),
    async (request, reply) => {
      const header = request.headers['last-event-id']
      const ended = new AbortController()
      reply.raw.on('close', () => ended.abort())
      const signal = AbortSignal.any([closing, ended.signal])
      const { id } = tokens.find(bearerToken(request.headers.authorization) ?? '') ?? { id: null }
      const isValid = () => tokens.list().some((token) => token.id === id)
      const stream = Readable.from(
        whileAllowed(isValid, log.stream(typeof header === 'string' ? header : undefined, signal)),
      )
      reply.type('text/event-stream').header('x-accel-buffering', 'no')
      return reply.send(stream)
    },
  )
}

/** Asked before each event and each heartbeat: who is let in no longer hears nothing more. */
async function* whileAllowed(isAllowed: () => boolean, stream: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const text of stream) {
    if (!isAllowed()) return
    yield text
  }
}
