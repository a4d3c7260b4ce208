/**
 * DiskRAID's commands for what this array does not have, and for what belongs to the initiator's computer: they are
 * understood, so that a script's `noerr` works, and answer why nothing is done.
 */

import { Failure } from '../../failure.ts'
import type { FocusKind } from './focus.ts'
import type { CommandSyntax } from './parser.ts'
import { type Command, NotSupported } from './shell.ts'

const HARDWARE = 'This array is software: it has no controllers, ports, drives, lamps or beepers'
const SIMPLE = 'A LUN of this array is one file, without plexes'
const HINTS = 'This array takes no hints: a LUN is one file'
const HOST = "This belongs to the initiator's computer: do it there, with iscsiadm or iscsicli"

interface Refused extends Omit<CommandSyntax, 'words'> {
  readonly words: readonly string[]
  readonly reason: string
  readonly needs?: FocusKind
}

const REFUSED: readonly Refused[] = [
  { words: ['chap initiator set'], parameters: { secret: 'required', target: 'optional' }, reason: HOST },
  { words: ['chap initiator remember'], parameters: { secret: 'required', target: 'required' }, reason: HOST },
  {
    words: ['login target'],
    needs: 'target',
    parameters: {
      ...{ iadapter: 'required', type: 'optional', chap: 'optional' },
      ...{ iportal: 'optional', tportal: 'optional' },
    },
    flags: ['ips', 'emp', 'ehd', 'edd'],
    reason: HOST,
  },
  { words: ['logout target'], needs: 'target', parameters: { iadapter: 'required' }, reason: HOST },
  { words: ['initiator', 'online hbaport', 'standby hbaport'], reason: HOST },
  {
    words: ['lbpolicy set lun'],
    needs: 'lun',
    parameters: { type: 'optional', paths: 'optional' },
    reason: HOST,
  },
  {
    words: ['associate controllers', 'associate ports'],
    needs: 'lun',
    flags: ['add'],
    restMax: 1,
    reason: HARDWARE,
  },
  { words: ['dissociate controllers', 'dissociate ports'], needs: 'lun', restMax: 1, reason: HARDWARE },
  ...['online controller', 'online drive', 'offline controller', 'offline drive'].map(
    (words): Refused => ({ words: [words], reason: HARDWARE }),
  ),
  {
    words: ['invalidatecache controller', 'flushcache controller', 'reset controller', 'reset port'],
    reason: HARDWARE,
  },
  { words: ['replace'], parameters: { drive: 'required' }, reason: HARDWARE },
  { words: ['setflag drive'], parameters: { hotspare: 'required' }, reason: HARDWARE },
  { words: ['maintenance'], restMax: 2, parameters: { count: 'optional' }, reason: HARDWARE },
  { words: ['add plex'], needs: 'lun', parameters: { lun: 'required' }, flags: ['noerr'], reason: SIMPLE },
  { words: ['break'], needs: 'lun', parameters: { plex: 'required' }, flags: ['noerr'], reason: SIMPLE },
  {
    words: ['automagic', 'automagic apply', 'automagic set', 'automagic clear'],
    flags: ['all'],
    ...flagsOfHints(),
    reason: HINTS,
  },
]

function flagsOfHints(): Pick<CommandSyntax, 'parameters'> {
  const names = 'fcr ftl msr mxd mxs ora ors osr osw owa ows rbp rbv rmp sts wtc ynk'.split(' ')
  return { parameters: Object.fromEntries(names.map((name) => [name, 'optional'])) }
}

interface ForeignCommand extends Command {
  /** What it answers. */
  readonly reason: string
}

const refused = (command: Omit<ForeignCommand, 'run'>, failure: () => Failure): ForeignCommand => ({
  ...command,
  run: () => {
    throw failure()
  },
})

const NOT_REDUNDANT = 'A simple LUN has nothing to recover from'

export const FOREIGN_COMMANDS: readonly ForeignCommand[] = [
  ...REFUSED.flatMap(({ words, ...row }) =>
    words.map((each) => refused({ ...row, words: each }, () => new NotSupported(row.reason))),
  ),
  refused(
    { words: 'recover lun', needs: 'lun', reason: NOT_REDUNDANT },
    () => new Failure(`${NOT_REDUNDANT} (VDS_E_INVALID_OPERATION 0x80042415)`),
  ),
]
