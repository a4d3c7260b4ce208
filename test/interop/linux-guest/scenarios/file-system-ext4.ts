/** One file system with a smaller tree, and the proof that its checksums would notice a single changed byte. */

import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { diskName, keepTree } from '../file-systems.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'ext4 keeps a tree with its links over a new login; a byte changed behind the server is noticed',
  isFast: true,
  async run(lab) {
    const mark = randomUUID()
    await keepTree(lab, {
      fileSystems: ['ext4'],
      diskSize: '256M',
      tree: '/usr/bin',
      before: `echo ${mark} >/usr/bin/marked`,
      after: `
step 'a changed byte is noticed'
log_out 10.0.2.2
host change_byte
log_in 10.0.2.2
device=$(disk)
mount "$device" /mnt/ext4
status=0
(cd /mnt/ext4/tree && sha256sum --check --quiet /tmp/checksums) >/tmp/wrong 2>/dev/null || status=$?
umount /mnt/ext4
[ "$status" -eq 1 ] && [ "$(cat /tmp/wrong)" = './marked: FAILED' ] || fail "not noticed: $status $(cat /tmp/wrong)"
`,
      actions: { change_byte: async () => changeByte(lab.file(diskName('ext4')), mark) },
      timeLimitSeconds: 150,
    })
  },
}

/** Changes the first byte of `text` wherever the disk holds it. */
function changeByte(path: string, text: string): void {
  const bytes = readFileSync(path)
  let isFound = false
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    bytes[at] = '#'.charCodeAt(0)
    isFound = true
  }
  if (!isFound) throw new Error(`${path} does not hold ${text}`)
  writeFileSync(path, bytes)
}
