/** A PC without a disk, whose network card's iPXE boots a LUN as its administrator scripted it. */

import { writeFileSync } from 'node:fs'
import type { ServerProcess } from '../../../support/server-process.ts'
import type { Lab } from '../lab.ts'

const IPXE = '/usr/lib/ipxe/ipxe.lkrn'

/** Boot a LUN with further iPXE settings; gives the console. */
export function bootByIpxe(
  lab: Lab,
  server: ServerProcess,
  lun: number,
  settings: readonly string[] = [],
): Promise<string> {
  const script = lab.file('boot.ipxe')
  const lines = [
    '#!ipxe',
    'set net0/ip 10.0.2.15',
    'set net0/netmask 255.255.255.0',
    'ifopen net0',
    'set initiator-iqn iqn.2026-11.example:ipxe',
    ...settings,
    `sanboot iscsi:10.0.2.2::${server.port}:${lun.toString(16)}:${server.targetName} || reboot`,
  ]
  writeFileSync(script, `${lines.join('\n')}\n`)
  return lab.runMachine({ qemuArguments: ['-M', 'pc,graphics=off', '-m', '128', '-kernel', IPXE, '-initrd', script] })
}
