/**
 * Boot of a PC without a disk, by iPXE: one command at a time, MD5 only, and no tolerance for what it does not know. The
 * disk's own code reads and writes through the firmware.
 */

import { writeFileSync } from 'node:fs'
import type { ServerProcess } from '../../../support/server-process.ts'
import { createBootableDisk, hasWrittenPayload } from '../firmware/boot-sector.ts'
import { bootByIpxe } from '../firmware/ipxe-machine.ts'
import type { Lab } from '../lab.ts'
import type { Scenario } from '../scenario.ts'

const USER = 'ipxe'
const SECRET = 'secret of iPXE'
const TARGET_USER = 'lunette'
const TARGET_SECRET = 'secret of target'
const TEXTS = ['started from LUN 0', 'started from LUN 1'] as const
const REFUSED = 'Could not open SAN device: Operation not permitted'

/** The disks that iPXE boots from, by LUN; new ones for each server, since a boot leaves its mark. */
function createDisks(lab: Lab, name: string): string[] {
  return TEXTS.map((text, lun) => {
    const path = lab.file(`${name}-${lun}.img`)
    createBootableDisk(path, text)
    return path
  })
}

async function expectBoot(lab: Lab, server: ServerProcess, disks: readonly string[], lun: number, settings?: string[]) {
  const console = await bootByIpxe(lab, server, lun, settings)
  if (!console.includes(TEXTS[lun]!)) throw new Error(`LUN ${lun} did not boot`)
  if (!hasWrittenPayload(disks[lun]!, TEXTS[lun]!)) throw new Error(`LUN ${lun} has not what was written during boot`)
}

export const scenario: Scenario = {
  title:
    'iPXE boots a disk, LUN 0 and another, without CHAP, with one-way and mutual CHAP, and not with a wrong secret',
  isFast: true,
  tools: ['iPXE'],
  async run(lab) {
    const open = createDisks(lab, 'open')
    const openServer = await lab.startServer({ args: open })
    await expectBoot(lab, openServer, open, 0)
    await expectBoot(lab, openServer, open, 1)

    const guarded = createDisks(lab, 'guarded')
    writeFileSync(lab.file('secret'), SECRET, { mode: 0o600 })
    writeFileSync(lab.file('target-secret'), TARGET_SECRET, { mode: 0o600 })
    const oneWay = ['--chap-user', USER, '--chap-secret-file', lab.file('secret')]
    const mutual = ['--mutual-chap-user', TARGET_USER, '--mutual-chap-secret-file', lab.file('target-secret')]
    const guardedServer = await lab.startServer({ args: [...guarded, ...oneWay, ...mutual] })
    const login = [`set username ${USER}`, `set password ${SECRET}`]
    await expectBoot(lab, guardedServer, guarded, 0, login)
    const proof = [`set reverse-username ${TARGET_USER}`, `set reverse-password ${TARGET_SECRET}`]
    await expectBoot(lab, guardedServer, guarded, 1, [...login, ...proof])

    const refused = await bootByIpxe(lab, guardedServer, 0, [`set username ${USER}`, 'set password another secret'])
    if (!refused.includes(REFUSED) || refused.includes(TEXTS[0])) throw new Error('a wrong secret was not refused')
  },
}
