/** /events: what changes, as it does. */

import { Readable } from 'node:stream'
import type { EventLog } from '../event-stream.ts'
import type { Api } from '../fastify.ts'
import { operation } from './operation.ts'

const events = operation('Events')

export function eventRoutes(api: Api, log: EventLog, closing: AbortSignal): void {
  api.get(
    '/events',
    events('viewer', 'streamEvents', 'Notifications as server-sent events; Last-Event-ID goes on where one was', {}),
    async (request, reply) => {
      const header = request.headers['last-event-id']
      const ended = new AbortController()
      reply.raw.on('close', () => ended.abort())
      const signal = AbortSignal.any([closing, ended.signal])
      const stream = Readable.from(log.stream(typeof header === 'string' ? header : undefined, signal))
      reply.type('text/event-stream').header('x-accel-buffering', 'no')
      return reply.send(stream)
    },
  )
}
