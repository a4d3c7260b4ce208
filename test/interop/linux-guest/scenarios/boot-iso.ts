/**
 * An ISO image as a LUN: what would be written to a disc starts machines that have no drive, by iPXE and by firmware with
 * an iSCSI initiator of its own, which find its boot catalog (El Torito) and read what it names; and by QEMU, which
 * shows it to its machine as a drive. It stands beside an empty disk, as when an operating system is to be installed.
 */

import { readFileSync } from 'node:fs'
import { BOOT_DISC_TOOLS, createBootDisc } from '../firmware/boot-disc.ts'
import { bootByIpxe } from '../firmware/ipxe-machine.ts'
import { attemptOn, bootByUefi } from '../firmware/uefi-machine.ts'
import type { Scenario } from '../scenario.ts'

const BIOS_TEXT = 'started from the disc by a BIOS'
const UEFI_TEXT = 'started from the disc by UEFI'

export const scenario: Scenario = {
  title: 'iPXE, UEFI firmware (EDK2) and QEMU boot an ISO image that is served as a CD beside an empty disk',
  isFast: true,
  tools: ['iPXE', 'OVMF', 'qemu-iscsi', ...BOOT_DISC_TOOLS],
  async run(lab) {
    const image = lab.file('boot.iso')
    const files = { 'README.txt': Buffer.from('A disc that starts machines.\n') }
    const texts = { biosText: BIOS_TEXT, uefiText: UEFI_TEXT }
    await createBootDisc(image, lab.file('tree'), { volumeName: 'BOOT', ...texts, files })
    const contents = readFileSync(image)
    const server = await lab.startServer({ args: [lab.file('empty.img'), image, '--size', '64M'] })
    const ipxe = await bootByIpxe(lab, server, 1)
    if (!ipxe.includes(BIOS_TEXT)) throw new Error('iPXE did not boot the disc')
    const uefi = await bootByUefi(lab, attemptOn(server, 1))
    if (!uefi.includes(UEFI_TEXT)) throw new Error('the firmware did not boot the disc')
    const drive = `file=${server.url(1)},format=raw,if=ide,media=cdrom`
    const qemu = await lab.runMachine({ qemuArguments: ['-M', 'pc,graphics=off', '-m', '128', '-drive', drive] })
    if (!qemu.includes(BIOS_TEXT)) throw new Error('the BIOS did not boot the disc that QEMU attaches')
    if (!readFileSync(image).equals(contents)) throw new Error('the image was changed')
  },
}
