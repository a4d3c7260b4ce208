/** The file systems that Linux hosts use, each with everything that the guest itself consists of. */

import { keepTree } from '../file-systems.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'ext4, xfs and btrfs keep a large tree with its links over a new login',
  isFast: false,
  run: (lab) =>
    keepTree(lab, { fileSystems: ['ext4', 'xfs', 'btrfs'], diskSize: '512M', tree: '/usr', timeLimitSeconds: 400 }),
}
