/**
 * Boot by UEFI firmware with an iSCSI initiator of its own, EDK2's: the strictest reader of Login Responses. What it
 * starts from the LUN reads and writes through the firmware.
 */

import { writeFileSync } from 'node:fs'
import type { ServerProcess } from '../../../support/server-process.ts'
import { createUefiDisk, hasWrittenPayload, UEFI_DISK_TOOLS } from '../firmware/uefi-disk.ts'
import { iscsiVariables, type UefiAttempt } from '../firmware/uefi-iscsi.ts'
import { flashWithVariables } from '../firmware/uefi-variables.ts'
import type { Lab } from '../lab.ts'
import type { Scenario } from '../scenario.ts'

const FIRMWARE = '/usr/share/OVMF/OVMF_CODE_4M.fd'
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

/** What a person sets in the setup menus below "iSCSI Configuration". */
function attemptOn(server: ServerProcess, lun: number, chap?: UefiAttempt['chap']): UefiAttempt {
  return {
    initiatorName: 'iqn.2026-11.example:uefi',
    macAddress: '52:54:00:12:34:56',
    localAddress: '10.0.2.15',
    subnetMask: '255.255.255.0',
    targetAddress: '10.0.2.2',
    targetPort: server.port,
    targetName: server.targetName,
    lun,
    ...(chap === undefined ? {} : { chap }),
  }
}

/** Start a machine whose firmware is set so; it ends when an application has been started. Gives the console. */
async function boot(lab: Lab, attempt: UefiAttempt, qemuArguments: readonly string[] = []): Promise<string> {
  const flash = lab.file('flash.fd')
  writeFileSync(flash, flashWithVariables(iscsiVariables(attempt)))
  return lab.runMachine({
    qemuArguments: [
      ...['-M', 'q35', '-m', '256', '-drive', `if=pflash,format=raw,readonly=on,file=${FIRMWARE}`],
      ...['-drive', `if=pflash,format=raw,file=${flash}`],
      ...qemuArguments,
    ],
  })
}

async function expectBoot(lab: Lab, attempt: UefiAttempt, disk: string, text: string): Promise<void> {
  const console = await boot(lab, attempt)
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
    const console = await boot(lab, wrong, ['-drive', `if=virtio,format=raw,file=${local}`])
    const isRefused = guardedServer.output().includes('Authentication failure')
    if (!isRefused || !console.includes(LOCAL_TEXT)) throw new Error('a wrong secret was not refused')
  },
}
