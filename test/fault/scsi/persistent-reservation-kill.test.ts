import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { basicList, OUT, type ReserveOutFields } from '../../support/persistent-reserve.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { clearUnitAttentions, execute, type ScsiOutcome } from '../../support/wire-scsi.ts'

const ROUNDS = 6
const ISID = Buffer.from('00023d000001', 'hex')
const RESERVATION_CONFLICT = 0x18

/** Registered key and type of the reservation, 0 for none. */
interface Kept {
  readonly key: bigint
  readonly type: number
}

async function logIn({ host, port, targetName }: ServerProcess, isid = ISID): Promise<WireInitiator> {
  const initiator = await WireInitiator.connect({ host, port, targetName, isid })
  await initiator.login()
  await clearUnitAttentions(initiator)
  return initiator
}

function reserveOut(initiator: WireInitiator, action: number, fields: ReserveOutFields): Promise<ScsiOutcome> {
  const writeData = basicList(fields)
  const cdb = Buffer.alloc(16)
  cdb.set([0x5f, action, fields.type ?? 0])
  cdb.writeUInt32BE(writeData.length, 5)
  return execute(initiator, { cdb, writeData, immediateBytes: writeData.length })
}

async function readKept(initiator: WireInitiator): Promise<Kept> {
  const reserveIn = (action: number) =>
    execute(initiator, { cdb: Buffer.from([0x5e, action, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0]), readBytes: 64 })
  const [keys, reservation] = [(await reserveIn(0)).data, (await reserveIn(1)).data]
  const isRegistered = keys.readUInt32BE(4) > 0
  return { key: isRegistered ? keys.readBigUInt64BE(8) : 0n, type: reservation[21] ?? 0 }
}

it('kill -9 amid changes leaves the last persistent reservation that was acknowledged, or the one under way', async () => {
  using directory = temporaryDirectory()
  const random = new SeededRandom(1)
  const start = () => startServer({ directory: directory.path, args: ['--size', '1M', 'disk.img'] })
  let kept: Kept = { key: 0n, type: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await start()
    const initiator = await logIn(server)
    expect(await readKept(initiator)).toEqual(kept)
    let underWay: Kept = kept
    let nextKey = kept.key + 1n
    const change = async (action: number, fields: ReserveOutFields, then: Kept) => {
      underWay = then
      expect((await reserveOut(initiator, action, { ...fields, aptpl: true })).status).toBe(0)
      kept = then
    }
    const changeUntilKilled = async () => {
      for (;;) {
        const { key, type } = kept
        const newType = random.pick([1, 3, 5, 6, 7, 8])
        if (key !== 0n && type === 0) await change(OUT.RESERVE, { key, type: newType }, { key, type: newType })
        else if (type !== 0 && random.chance(0.5)) await change(OUT.RELEASE, { key, type }, { key, type: 0 })
        else await change(OUT.REGISTER, { key, actionKey: nextKey }, { key: nextKey++, type })
      }
    }
    const stopped = changeUntilKilled().catch((error: unknown) => error)
    await setTimeout(random.integer(20, 150))
    await server.kill()
    await stopped
    initiator.destroy()

    await using after = await start()
    const again = await logIn(after)
    const found = await readKept(again)
    expect([kept, underWay]).toContainEqual(found)
    kept = found
    if (kept.type !== 0) await expectFenced(after)
    again.destroy()
  }
  expect(kept.key).toBeGreaterThan(0n)
}, 120_000)

/** Another initiator port may not write. */
async function expectFenced(server: ServerProcess): Promise<void> {
  const stranger = await logIn(server, Buffer.from('00023d0000ff', 'hex'))
  const cdb = Buffer.from([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
  const { status } = await execute(stranger, { cdb, writeData: Buffer.alloc(512), immediateBytes: 512 })
  expect(status).toBe(RESERVATION_CONFLICT)
  stranger.destroy()
}
