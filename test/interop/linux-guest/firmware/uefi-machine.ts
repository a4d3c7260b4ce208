/** A machine with EDK2's firmware and its iSCSI initiator, as set in the setup menus below "iSCSI Configuration". */

import { writeFileSync } from 'node:fs'
import type { ServerProcess } from '../../../support/server-process.ts'
import type { Lab } from '../lab.ts'
import { iscsiVariables, type UefiAttempt } from './uefi-iscsi.ts'
import { flashWithVariables } from './uefi-variables.ts'

const FIRMWARE = '/usr/share/OVMF/OVMF_CODE_4M.fd'

/** What a person sets for a LUN. */
export function attemptOn(server: ServerProcess, lun: number, chap?: UefiAttempt['chap']): UefiAttempt {
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
export async function bootByUefi(
  lab: Lab,
  attempt: UefiAttempt,
  qemuArguments: readonly string[] = [],
): Promise<string> {
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
