/**
 * Everything changes around LUNs that libiscsi initiators use under a load that verifies itself: what was not taken away
 * answers every command with the right data.
 */

import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { iscsiNameOf, LiveArray, lunRecord, portalRecord, targetRecord } from '../support/live-array.ts'
import { runTool, tryTool } from '../support/run-tool.ts'

const MIB = 2 ** 20
const ROUNDS = 6

const BASE = targetRecord('t', { 1: ['p1', 'p2'] }, { 0: 'kept', 1: 'grows' })
const PORTALS = ['p1', 'p2'].map((id) => portalRecord(id))

describeWithTools(['iscsi-ls', 'iscsi-readcapacity16', 'qemu-io', 'qemu-iscsi'], 'libiscsi initiators', () => {
  const urlOf = (array: LiveArray, lun: number) => `iscsi://127.0.0.1:${array.portOf('p1')}/${iscsiNameOf('t')}/${lun}`

  /** Writes patterns and reads them back until told to end; fails with the first command that does. */
  async function verifyUntil(url: string, isOver: () => boolean): Promise<number> {
    let rounds = 0
    do {
      const commands = Array.from({ length: 16 }, (_, at) => [
        `write -P ${1 + ((at + rounds) % 250)} ${at * 32}k 32k`,
        `aio_read -P ${1 + ((at + rounds) % 250)} ${at * 32}k 32k`,
      ]).flat()
      await runTool('qemu-io', ['-f', 'raw', ...[...commands, 'aio_flush'].flatMap((text) => ['-c', text]), url])
      rounds++
    } while (!isOver())
    return rounds
  }

  it('lose nothing that stays while LUNs, targets and portals come, go and change their size', async () => {
    await using array = await LiveArray.start({
      luns: ['kept', 'grows', 'comes'].map((id) => lunRecord(id)),
      targets: [BASE],
      portals: PORTALS,
    })
    const { luns } = array.objects
    let isOver = false
    const loads = Promise.all([0, 1].map((lun) => verifyUntil(urlOf(array, lun), () => isOver)))
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const withThird = { ...BASE, luns: new Map([...BASE.luns, ['comes', 2]]) }
        await array.apply({ targets: [withThird, targetRecord('other', { 9: ['p1'] }, { 0: 'comes' })] })
        await array.dataPlane.resize('grows', (1 + round) * MIB, { mayDiscardData: false })
        await array.apply({ luns: luns.map((lun) => ({ ...lun, friendlyName: `round ${round}` })) })
        expect(await runTool('iscsi-readcapacity16', ['--size', urlOf(array, 2)])).toBe(`${MIB}\n`)
        await array.apply({ portals: [PORTALS[0]!] })
        await array.apply({ targets: [BASE], portals: PORTALS })
        const taken = await tryTool('iscsi-readcapacity16', ['--size', urlOf(array, 2)])
        expect(taken.stdout + taken.stderr).toContain('LOGICAL_UNIT_NOT_SUPPORTED')
      }
    } finally {
      isOver = true
    }
    for (const rounds of await loads) expect(rounds).toBeGreaterThan(0)
    expect(await runTool('iscsi-readcapacity16', ['--size', urlOf(array, 1)])).toBe(`${(1 + ROUNDS) * MIB}\n`)
  })

  it('discover the targets alone that they may log in to', async () => {
    await using array = await LiveArray.start({
      luns: [lunRecord('kept')],
      targets: [
        BASE,
        targetRecord(
          'secret',
          { 2: ['p1'] },
          {},
          {
            chapUsers: [{ user: 'somebody', secret: Buffer.alloc(16, 1), initiatorNames: ['iqn.2026-01.test:else'] }],
          },
        ),
      ],
    })
    const listing = await runTool('iscsi-ls', [`iscsi://127.0.0.1:${array.portOf('p1')}`])
    expect(listing).toContain(`Target:${iscsiNameOf('t')} `)
    expect(listing).not.toContain(iscsiNameOf('secret'))
  })
})
