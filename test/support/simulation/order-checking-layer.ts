/**
 * A SCSI layer that passes everything on and sees that every nexus is handed its commands once each and in the order of
 * their CmdSN (RFC 7143 4.2.2.1), over however many connections they came, retries and reassignments included.
 */

import assert from 'node:assert/strict'
import type { NexusHandler, ScsiLayer } from '../../../protocol/scsi-layer.ts'
import type { Task } from '../../../protocol/session/task.ts'
import { isSerialAfter } from '../wire-pdu.ts'

export class OrderCheckingLayer implements ScsiLayer {
  readonly #layer: ScsiLayer

  constructor(layer: ScsiLayer) {
    this.#layer = layer
  }

  openNexus(...identity: Parameters<ScsiLayer['openNexus']>): NexusHandler {
    const handler = this.#layer.openNexus(...identity)
    const name = identity[0].initiatorName
    let lastCmdSN: number | null = null
    const commandReceived = (task: Task) => {
      if (!task.isImmediate) {
        const isNext = lastCmdSN === null || isSerialAfter(task.cmdSN, lastCmdSN)
        assert.ok(isNext, `CmdSN ${task.cmdSN} is executed after ${lastCmdSN}, ${name}`)
        lastCmdSN = task.cmdSN
      }
      handler.commandReceived(task)
    }
    return new Proxy(handler, {
      get(target, name) {
        if (name === 'commandReceived') return commandReceived
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}
