/**
 * Answers with sense data that one connection sent and the initiator has not acknowledged (RFC 7143 4.2.2.2). They can go
 * down with the connection, and what sense data tells of, a unit attention, is told once: so the SCSI layer hears of those
 * that are lost for good. Told by whoever sends a SCSI Response, by acknowledgements, and by the end of a connection.
 */

import type { NexusHandler } from '../scsi-layer.ts'
import { isSerialLess } from '../serial.ts'

interface Answer {
  /** The SCSI layer's own object for the task that was answered. */
  readonly upper: unknown
  /** The ExpStatSN that acknowledges it. */
  readonly expStatSN: number
}

export class UnacknowledgedSense {
  readonly #answersMax: number
  /** In the order of their StatSNs. */
  #answers: Answer[] = []

  /** `answersMax`: how many are remembered; beyond it the oldest counts as received. */
  constructor(answersMax: number) {
    this.#answersMax = answersMax
  }

  get isEmpty(): boolean {
    return this.#answers.length === 0
  }

  /** A task has been answered with sense data; `expStatSN` acknowledges it. */
  sent(upper: unknown, expStatSN: number): void {
    this.#answers.push({ upper, expStatSN })
    if (this.#answers.length > this.#answersMax) this.#answers.shift()
  }

  /** The initiator has every status before `expStatSN`. */
  acknowledged(expStatSN: number): void {
    this.#answers = this.#answers.filter((answer) => isSerialLess(expStatSN, answer.expStatSN))
  }

  /** The answer is going to be sent elsewhere. Says whether there was one. */
  take(upper: unknown): boolean {
    const index = this.#answers.findIndex((answer) => answer.upper === upper)
    if (index >= 0) this.#answers.splice(index, 1)
    return index >= 0
  }

  /** None of them is going to be sent again. */
  drop(nexus: NexusHandler): void {
    for (const { upper } of this.#answers.splice(0)) nexus.responseDropped(upper)
  }
}
