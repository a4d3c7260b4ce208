/**
 * A host without a disk of its own: everything that it runs comes from the LUN, and everything that it keeps goes there.
 * Debian's own initial RAM disk logs in.
 */

import { writeFileSync } from 'node:fs'
import { createSparseFile } from '../../../support/disk-files.ts'
import { runTool } from '../../../support/run-tool.ts'
import { DEBIAN_ROOT_BYTES, DEBIAN_ROOT_TOOLS, debianRoot } from '../debian-root.ts'
import type { Scenario } from '../scenario.ts'

const USER = 'debian'
const SECRET = 'secret-of-debian'
const PROMPT = /root@debian-on-lun:~# /

export const scenario: Scenario = {
  title:
    'a Debian whose root file system is on the LUN starts to a login prompt, finds its files intact, and shuts down cleanly',
  isFast: false,
  tools: [...DEBIAN_ROOT_TOOLS, 'qemu-img', 'qemu-iscsi', 'e2fsck', 'dumpe2fs', 'debugfs'],
  async run(lab) {
    const debian = await debianRoot(lab.tell)
    const disk = lab.file('disk.img')
    createSparseFile(disk, DEBIAN_ROOT_BYTES)
    writeFileSync(lab.file('secret'), SECRET, { mode: 0o600 })
    const args = [disk, '--chap-user', USER, '--chap-secret-file', lab.file('secret')]
    const server = await lab.startServer({ args })
    await runTool('qemu-img', [
      ...['convert', '-n', '-f', 'raw', '--object', `secret,id=chap,file=${lab.file('secret')}`, '--target-image-opts'],
      debian.image,
      `driver=iscsi,transport=tcp,portal=127.0.0.1:${server.port},target=${server.targetName},lun=0,user=${USER},password-secret=chap`,
    ])

    const parameters = [
      ...['console=ttyS0', 'quiet', 'ip=10.0.2.15::10.0.2.2:255.255.255.0:debian-on-lun::off', 'root=LABEL=root', 'ro'],
      ...['iscsi_initiator=iqn.2026-11.example:debian', `iscsi_target_name=${server.targetName}`],
      ...['iscsi_target_ip=10.0.2.2', `iscsi_target_port=${server.port}`],
      ...[`iscsi_username=${USER}`, `iscsi_password=${SECRET}`, 'panic=-1', 'mitigations=off'],
    ]
    const console = await lab.runMachine({
      qemuArguments: [
        ...['-m', '1024', '-kernel', debian.kernel, '-initrd', debian.initramfs, '-append', parameters.join(' ')],
      ],
      replies: [
        { to: /debian-on-lun login: /, type: 'root\n' },
        { to: PROMPT, type: 'cat /sys/class/block/sda/device/vendor; findmnt -n -o SOURCE,FSTYPE /\n' },
        { to: PROMPT, type: 'echo "differences: $(dpkg --verify libc6 systemd | wc -l)"\n' },
        { to: PROMPT, type: 'echo kept >/root/note; poweroff\n' },
      ],
      timeLimitSeconds: 400,
    })
    const text = console.replaceAll('\r', '')
    if (!/^LUNETTE *\n\/dev\/sda +ext4$/m.test(text)) throw new Error('the root file system is not on the LUN')
    if (!/^differences: 0$/m.test(text))
      throw new Error('files of the packages libc6 and systemd are not what Debian delivered')

    await server.stop()
    await runTool('e2fsck', ['-f', '-n', disk])
    const features = await runTool('dumpe2fs', ['-h', disk])
    if (features.includes('needs_recovery')) throw new Error('the root file system was not unmounted')
    const note = await runTool('debugfs', ['-R', 'cat /root/note', disk])
    if (note !== 'kept\n') throw new Error('what the host wrote is not on the disk')
  },
}
