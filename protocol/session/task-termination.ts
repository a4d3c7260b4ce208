/**
 * Tasks that end without an answer because of an iSCSI event (RFC 7143 7.6, 11.14.5): their connection failed or was
 * logged out. Those that the SCSI layer has are aborted there, all others are simply forgotten.
 */

import type { Connection } from '../connection/connection.ts'
import { TASK_MANAGEMENT_FUNCTION } from '../constants.ts'
import type { Session } from './session.ts'
import type { Task } from './task.ts'

/** The tasks that are allegiant to a connection and not answered yet, those that wait for their CmdSN included. */
export function tasksOf(connection: Connection): Task[] {
  return [...connection.session.tasks.values()].filter((task) => task.connection === connection)
}

/**
 * Drop what a connection has brought and its CmdSN has not reached yet, commands and other requests (RFC 7143 11.14). Their
 * CmdSNs count as not received: the initiator fills the holes.
 */
export function discardUndelivered(connection: Connection): void {
  const { window } = connection.session
  for (const task of tasksOf(connection)) {
    if (task.phase !== 'waiting' || task.isImmediate || !window.discard(task.cmdSN)) continue
    // Its place in the window is free only when its CmdSN has come.
    task.holdsPlace = false
    connection.places.forgetTask(task)
  }
  window.discardHeldBy(connection)
}

/**
 * End `tasks` of `session`, whose CmdSNs have come, and have the next command on each of their logical units told of it.
 * `ended` is called when nothing of them is in flight any more, possibly at once.
 */
export function terminateTasks(session: Session, tasks: readonly Task[], ended: () => void): void {
  const luns = new Map<string, Buffer>()
  let leftCount = 1
  const oneEnded = () => {
    leftCount--
    if (leftCount === 0) ended()
  }
  // What is freed below makes room for others, and must not begin any of these.
  for (const task of tasks) session.queue.remove(task)
  for (const task of tasks) {
    const key = task.initiatorTaskTag | 0
    // The end of one makes room for others, which may have been answered for it or have ended with their connection.
    if (session.tasks.get(key) !== task) continue
    // Of one that is ending already the logical unit has been told.
    if (!task.isTerminating) luns.set(task.lun.toString('hex'), Buffer.from(task.lun))
    if (task.phase !== 'executing') {
      task.connection.places.forgetTask(task)
      continue
    }
    leftCount++
    task.isTerminating = true
    session.nexus.taskManagementRequestReceived(
      {
        function: TASK_MANAGEMENT_FUNCTION.ABORT_TASK,
        lun: Buffer.from(task.lun),
        referencedTask: task,
        covers: (other) => other === task,
      },
      () => {
        // Had its transfer failed as well, it would still have an answer coming.
        if (session.tasks.get(key) === task) task.connection.places.forgetTask(task)
        oneEnded()
      },
    )
  }
  if (luns.size > 0) session.nexus.tasksTerminated([...luns.values()])
  oneEnded()
}
