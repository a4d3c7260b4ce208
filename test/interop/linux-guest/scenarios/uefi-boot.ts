/**
 * Boot by UEFI firmware with an iSCSI initiator of its own, EDK2's: the strictest reader of Login Responses. What it
 * starts from the LUN reads and writes through the firmware.
 */

import { writeFileSync } from 'node:fs'
import { createUefiDisk, hasWrittenPayload, UEFI_DISK_TOOLS } from '../firmware/uefi-disk.ts'
import type { UefiAttempt } from '../firmware/uefi-iscsi.ts'
import { attemptOn, bootByUefi } from '../firmware/uefi-machine.ts'
import type { Lab } from '../lab.ts'
import type { Scenario } from '../scenario.ts'

const USER = 'uefi'
const SECRET = 'secret-of-uefi'
const TARGET_USER = 'lunette'
const TARGET_SECRET = 'secret-of-target'
const TEXTS = ['started from LUN 0', 'started from LUN 1'] as const
const LOCAL_TEXT = 'started from the local disk'

/** The disks that the firmware boots from, by LUN; new ones for each server, since a boot leaves its mark. */
async function createDisks(lab: Lab, name: string): Promise<[string, string]> {
  const paths: [string, string] = [lab.file(`${name}-0.img`), lab.file(`${name}-1.img`)]
  for (const lun of [0, 1] as const) await createUefiDisk(paths[lun], TEXTS[lun])
  return paths
}

async function expectBoot(lab: Lab, attempt: UefiAttempt, disk: string, text: string): Promise<void> {
  const console = await bootByUefi(lab, attempt)
  if (!console.includes(text)) throw new Error(`the firmware did not start "${text}"`)
  if (!hasWrittenPayload(disk, text)) throw new Error(`the disk of "${text}" has not what was written during boot`)
}

export const scenario: Scenario = {
  title: 'UEFI firmware (EDK2) boots a LUN without CHAP, with one-way and mutual CHAP, and not with a wrong secret',
  isFast: false,
  tools: ['OVMF', ...UEFI_DISK_TOOLS],
  async run(lab) {
    const open = await createDisks(lab, 'open')
    const openServer = await lab.startServer({ args: open })
    await expectBoot(lab, attemptOn(openServer, 0), open[0], TEXTS[0])

    const guarded = await createDisks(lab, 'guarded')
    writeFileSync(lab.file('secret'), SECRET, { mode: 0o600 })
    writeFileSync(lab.file('target-secret'), TARGET_SECRET, { mode: 0o600 })
    const oneWay = ['--chap-user', USER, '--chap-secret-file', lab.file('secret')]
    const mutual = ['--mutual-chap-user', TARGET_USER, '--mutual-chap-secret-file', lab.file('target-secret')]
    const guardedServer = await lab.startServer({ args: [...guarded, ...oneWay, ...mutual] })
    const reverse = { user: TARGET_USER, secret: TARGET_SECRET }
    await expectBoot(lab, attemptOn(guardedServer, 0, { user: USER, secret: SECRET }), guarded[0], TEXTS[0])
    await expectBoot(lab, attemptOn(guardedServer, 1, { user: USER, secret: SECRET, reverse }), guarded[1], TEXTS[1])

    // Firmware that is refused goes on with the next disk.
    const local = lab.file('local.img')
    await createUefiDisk(local, LOCAL_TEXT)
    const wrong = attemptOn(guardedServer, 0, { user: USER, secret: 'another-secret' })
    const console = await bootByUefi(lab, wrong, ['-drive', `if=virtio,format=raw,file=${local}`])
    const isRefused = guardedServer.output().includes('Authentication failure')
    if (!isRefused || !console.includes(LOCAL_TEXT)) throw new Error('a wrong secret was not refused')
  },
}
