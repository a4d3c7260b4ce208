/**
 * The orderly end of a session (RFC 7143 11.9.1): its initiator is asked to log out, and after its time is over what runs
 * is still answered, nothing new is begun, and the session is dropped.
 */

import type { NodeContext } from '../node-context.ts'
import type { Session } from './session.ts'

const MS_PER_SECOND = 1000

/**
 * Have `session` ended within `logoutMs` by its initiator, or after that by us as soon as the commands that run have been
 * answered. With a time of zero nobody is asked. `ended` is called when nothing of it is in flight any more.
 */
export function drainSession(context: NodeContext, session: Session, logoutMs: number, ended: () => void): void {
  const finish = () => session.queue.drain(() => session.drop())
  if (session.hasEnded) {
    session.whenEnded(ended)
    return
  }
  // A discovery session hears no Asynchronous Messages, and without connections there is nobody to ask.
  if (logoutMs === 0 || session.isDiscovery || session.connections.size === 0) {
    session.whenEnded(ended)
    finish()
    return
  }
  const timer = context.scheduler.setTimer(logoutMs, finish)
  session.whenEnded(() => {
    timer.cancel()
    ended()
  })
  for (const connection of session.connections.values()) connection.requestLogout(Math.ceil(logoutMs / MS_PER_SECOND))
}
