/**
 * Initiators that change what is to outlive the server: a persistent reservation with APTPL, and saved mode pages. What is
 * there after a restart is the last change that was acknowledged, or the one that was under way.
 */

import assert from 'node:assert/strict'
import { basicList, OUT, type ReserveOutFields } from '../persistent-reserve.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { WireInitiator } from '../wire-initiator.ts'
import { execute, GOOD } from '../wire-scsi.ts'

/** A value of which the last acknowledged change is known, and the one under way. */
class KeptValue {
  readonly #name: string
  #kept: string
  #underWay: string

  constructor(name: string, initial: string) {
    this.#name = name
    this.#kept = initial
    this.#underWay = initial
  }

  begin(value: string): void {
    this.#underWay = value
  }

  acknowledged(): void {
    this.#kept = this.#underWay
  }

  /** Errors: throws for what is neither the one nor the other. */
  found(value: string): void {
    const isExpected = value === this.#kept || value === this.#underWay
    assert.ok(isExpected, `${this.#name} is ${value} after ${this.#kept}, while ${this.#underWay} was under way`)
    this.#kept = value
    this.#underWay = value
  }
}

/** Registers, reserves and releases with APTPL on a LUN of its own. */
export class ReservationChanger {
  readonly #lun: number
  readonly #random: SeededRandom
  readonly #acknowledged: (kind: string) => void
  readonly #value = new KeptValue('key and type of the reservation', describeReservation(0n, 0))
  #key = 0n
  #type = 0
  #nextKey = 1n

  constructor(lun: number, random: SeededRandom, acknowledged: (kind: string) => void) {
    this.#lun = lun
    this.#random = random
    this.#acknowledged = acknowledged
  }

  async changeUntilCut(initiator: WireInitiator): Promise<void> {
    for (;;) {
      const [key, type] = [this.#key, this.#type]
      const newType = this.#random.pick([1, 3, 5, 6, 7, 8])
      if (key !== 0n && type === 0) {
        await this.#change(initiator, OUT.RESERVE, { key, type: newType }, key, newType)
      } else if (type !== 0 && this.#random.chance(0.5)) {
        await this.#change(initiator, OUT.RELEASE, { key, type }, key, 0)
      } else {
        const actionKey = this.#nextKey++
        await this.#change(initiator, OUT.REGISTER, { key, actionKey }, actionKey, type)
      }
    }
  }

  async check(initiator: WireInitiator): Promise<void> {
    const read = async (action: number) => {
      const cdb = Buffer.from([0x5e, action, 0, 0, 0, 0, 0, 0, 64, 0])
      return (await execute(initiator, { cdb, readBytes: 64, lun: this.#lun })).data
    }
    const [keys, reservation] = [await read(0), await read(1)]
    this.#key = keys.readUInt32BE(4) > 0 ? keys.readBigUInt64BE(8) : 0n
    this.#type = reservation[21] ?? 0
    this.#value.found(describeReservation(this.#key, this.#type))
  }

  async #change(initiator: WireInitiator, action: number, fields: ReserveOutFields, key: bigint, type: number) {
    const writeData = basicList({ ...fields, aptpl: true })
    const cdb = Buffer.alloc(10)
    cdb.set([0x5f, action, fields.type ?? 0])
    cdb.writeUInt32BE(writeData.length, 5)
    this.#value.begin(describeReservation(key, type))
    assert.equal((await execute(initiator, { cdb, writeData, lun: this.#lun })).status, GOOD)
    this.#value.acknowledged()
    this.#key = key
    this.#type = type
    this.#acknowledged('PERSISTENT RESERVE OUT')
  }
}

function describeReservation(key: bigint, type: number): string {
  return `${key} ${type}`
}

/** The Control Extension mode page: INITIAL COMMAND PRIORITY can take any value, and bothers nobody. */
const PAGE = { code: 0x4a, subpage: 0x01, lengthBytes: 32, priorityAt: 5 } as const
const MODE_HEADER_BYTES = 8
const PAGE_CONTROL = { CURRENT: 0b00, SAVED: 0b11 } as const

/** Saves a mode page with MODE SELECT on a LUN of its own. */
export class ModePageChanger {
  readonly #lun: number
  readonly #random: SeededRandom
  readonly #acknowledged: (kind: string) => void
  readonly #value = new KeptValue('INITIAL COMMAND PRIORITY', '0')
  #page: Buffer = Buffer.alloc(PAGE.lengthBytes)

  constructor(lun: number, random: SeededRandom, acknowledged: (kind: string) => void) {
    this.#lun = lun
    this.#random = random
    this.#acknowledged = acknowledged
  }

  async changeUntilCut(initiator: WireInitiator): Promise<void> {
    for (;;) {
      const priority = this.#random.integer(0, 15)
      const page = Buffer.from(this.#page)
      page[0] = PAGE.code
      page[PAGE.priorityAt] = priority
      const writeData = Buffer.concat([Buffer.alloc(MODE_HEADER_BYTES), page])
      const cdb = Buffer.from([0x55, 0x11, 0, 0, 0, 0, 0, 0, writeData.length, 0])
      this.#value.begin(`${priority}`)
      assert.equal((await execute(initiator, { cdb, writeData, lun: this.#lun })).status, GOOD)
      this.#value.acknowledged()
      this.#acknowledged('MODE SELECT')
    }
  }

  /** The saved values are the current ones after a restart. */
  async check(initiator: WireInitiator): Promise<void> {
    const saved = await this.#read(initiator, PAGE_CONTROL.SAVED)
    this.#page = await this.#read(initiator, PAGE_CONTROL.CURRENT)
    assert.deepEqual(this.#page, saved, 'current and saved values after a restart')
    this.#value.found(`${saved[PAGE.priorityAt]! & 0x0f}`)
  }

  async #read(initiator: WireInitiator, pageControl: number): Promise<Buffer> {
    const pageCode = (pageControl << 6) | (PAGE.code & 0x3f)
    const cdb = Buffer.from([0x5a, 0x08, pageCode, PAGE.subpage, 0, 0, 0, 0, 64, 0])
    const { data } = await execute(initiator, { cdb, readBytes: 64, lun: this.#lun })
    return data.subarray(MODE_HEADER_BYTES)
  }
}
