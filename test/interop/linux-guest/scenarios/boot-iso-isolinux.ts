/** A disc as Debian delivers it: its boot loader reads a kernel from the disc's file system, through iPXE. */

import { cpSync } from 'node:fs'
import { bootByIpxe } from '../firmware/ipxe-machine.ts'
import type { Scenario } from '../scenario.ts'

/** ISOLINUX loads an iPXE of its own from it, which finds nothing to boot on its network and gives up. */
const DISC = '/usr/lib/ipxe/ipxe.iso'
const STARTED = /ISOLINUX.*Loading ipxe\.krn\.\.\. ok.*iPXE initialising devices/s

export const scenario: Scenario = {
  title: 'ISOLINUX starts a kernel from an ISO image of Debian that iPXE boots as a CD',
  isFast: false,
  tools: ['iPXE'],
  async run(lab) {
    const image = lab.file('debian.iso')
    cpSync(DISC, image)
    const server = await lab.startServer({ args: [image] })
    const console = await bootByIpxe(lab, server, 0)
    if (!STARTED.test(console)) throw new Error('the kernel on the disc was not started')
  },
}
