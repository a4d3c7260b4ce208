/**
 * Tasks that a task management function covers and the SCSI layer does not have (RFC 7143 4.2.3.2): they wait for their
 * turn, or only their response is missing. Connection allegiance plays no part: a function acts on its whole session.
 */

import type { Task } from '../session/task.ts'

/**
 * End a task without a response. A command whose turn had not come counts as received, so that those behind it are not
 * held up.
 */
export function forgetAsReceived(task: Task): void {
  const { connection } = task
  const { session } = connection
  session.queue.remove(task)
  const { cmdSN } = task
  const isHeld = task.phase === 'waiting' && !task.isImmediate && session.window.contains(cmdSN)
  if (isHeld) task.holdsPlace = false
  connection.places.forgetTask(task)
  if (isHeld) session.window.plug(cmdSN)
}
