/** Every noun of the command line, in the order of `--help`. */

import { DISCOVERY_USER } from './discovery-user.ts'
import { IMPORT_TARGET } from './import-target.ts'
import { JOB } from './job.ts'
import { LUN } from './lun.ts'
import type { Noun } from './noun.ts'
import { PORTAL } from './portal.ts'
import { PORTAL_GROUP } from './portal-group.ts'
import { AUDIT, REFUSALS } from './records.ts'
import { SESSION } from './session.ts'
import { SUBSYSTEM } from './subsystem.ts'
import { TARGET } from './target.ts'
import { TOKEN } from './token.ts'

export const NOUNS: readonly Noun[] = [
  LUN,
  TARGET,
  PORTAL_GROUP,
  PORTAL,
  SESSION,
  DISCOVERY_USER,
  IMPORT_TARGET,
  JOB,
  SUBSYSTEM,
  TOKEN,
  AUDIT,
  REFUSALS,
]
