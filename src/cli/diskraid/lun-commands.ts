/** DiskRAID's commands that make and change LUNs, and say who sees them. */

import type { Lun, Mask } from '../client/resources.ts'
import { type ParsedCommand, parseDiskRaidSize, parseIndexes } from './parser.ts'
import { type Command, NotSupported, type Shell } from './shell.ts'
import { DiskRaidSyntaxError } from './tokens.ts'

const NAME_LENGTH_MAX = 63
const UNINSTALL_NOTE = "uninstall concerns the initiator's computer: remove the disk there."
const NO_DRIVES = 'There are no drives to choose: the LUNs of this array are files'

type Parsed = ParsedCommand<Command>

const NAMED = {
  subsystem: { path: () => '/subsystem', noun: 'Subsystem' },
  lun: { path: (id: string) => `/luns/${id}`, noun: 'LUN' },
  target: { path: (id: string) => `/targets/${id}`, noun: 'Target' },
} as const

export const LUN_COMMANDS: readonly Command[] = [
  {
    words: 'create lun simple',
    usage: '[size=n] [noerr]',
    needs: 'subsystem',
    parameters: { size: 'optional', drives: 'optional' },
    flags: ['noerr'],
    run: create,
  },
  {
    words: 'create lun automagic',
    usage: 'size=n [noerr]',
    needs: 'subsystem',
    parameters: { size: 'required' },
    flags: ['noerr'],
    run: create,
  },
  ...['stripe', 'raid', 'mirror'].map(
    (type): Command => ({
      words: `create lun ${type}`,
      needs: 'subsystem',
      parameters: { size: 'optional', drives: 'optional', stripesize: 'optional' },
      flags: ['noerr'],
      run: () => {
        throw new NotSupported(`A LUN of this array is one file, so it cannot be a ${type}: use create lun simple`)
      },
    }),
  ),
  {
    words: 'delete lun',
    usage: '[uninstall] [noerr]',
    needs: 'lun',
    flags: ['uninstall', 'noerr'],
    run: deleteLun,
  },
  {
    words: 'extend lun',
    usage: '[size=n] [drives=n...] [noerr]',
    needs: 'lun',
    parameters: { size: 'optional', drives: 'optional' },
    flags: ['noerr'],
    run: (shell, parsed) => resize(shell, parsed, 'extend'),
  },
  {
    words: 'shrink lun',
    usage: 'size=n [noerr]',
    needs: 'lun',
    parameters: { size: 'required' },
    flags: ['noerr'],
    run: (shell, parsed) => resize(shell, parsed, 'shrink'),
  },
  {
    words: 'associate targets',
    usage: '[add] n[,n...]',
    needs: 'lun',
    flags: ['add'],
    restMax: 1,
    run: (shell, parsed) =>
      reassociate(shell, parsed, (before, named) => (parsed.flags.has('add') ? [...before, ...named] : named)),
  },
  {
    words: 'dissociate targets',
    usage: 'n[,n...]',
    needs: 'lun',
    restMax: 1,
    run: (shell, parsed) => reassociate(shell, parsed, (before, named) => before.filter((id) => !named.includes(id))),
  },
  {
    words: 'unmask lun',
    usage: '{all | none | [add] initiator=iqn[;iqn...]} [uninstall]',
    needs: 'lun',
    parameters: { initiator: 'optional', wwn: 'optional' },
    flags: ['all', 'none', 'add', 'uninstall'],
    run: unmask,
  },
  ...(['online', 'offline'] as const).map(
    (status): Command => ({
      words: `${status} lun`,
      needs: 'lun',
      run: async (shell) => {
        await shell.change('PUT', `/luns/${shell.focus.demand('lun')}/status`, { body: { status } })
        shell.say(`The selected LUN is now ${status}.`)
      },
    }),
  ),
  ...(['subsystem', 'lun', 'target'] as const).map(
    (kind): Command => ({
      words: `name ${kind}`,
      usage: '[text]',
      needs: kind,
      restMax: 32,
      run: (shell, parsed) => rename(shell, kind, parsed.rest.join(' ')),
    }),
  ),
]

async function create(shell: Shell, { parameters }: Parsed): Promise<void> {
  if (parameters.has('drives')) throw new NotSupported(NO_DRIVES)
  const text = parameters.get('size')
  const { sizeBytes } =
    text === undefined
      ? await shell.api.get<{ sizeBytes: number }>('/subsystem/max-lun-size?type=simple')
      : { sizeBytes: parseDiskRaidSize(text) }
  const { id } = await shell.change<Lun>('POST', '/luns', { body: { sizeBytes } })
  shell.focus.add('lun', id)
  shell.say(`LUN ${await shell.indexOf('lun', id)} was created and is now the selected LUN.`)
}

async function deleteLun(shell: Shell, { flags }: Parsed): Promise<void> {
  const id = shell.focus.demand('lun')
  const index = await shell.indexOf('lun', id)
  await shell.change('DELETE', `/luns/${id}`)
  shell.focus.remove('lun', id)
  shell.say(`LUN ${index} was deleted.`)
  if (flags.has('uninstall')) shell.say(UNINSTALL_NOTE)
}

async function resize(shell: Shell, { parameters }: Parsed, verb: 'extend' | 'shrink'): Promise<void> {
  const size = parameters.get('size')
  if (size === undefined && !parameters.has('drives')) throw new DiskRaidSyntaxError('size= is missing.')
  if (size === undefined || parameters.has('drives')) throw new NotSupported(NO_DRIVES)
  const body = { bytes: parseDiskRaidSize(size) }
  await shell.change('POST', `/luns/${shell.focus.demand('lun')}/${verb}`, { body })
  shell.say(`The selected LUN was ${verb === 'extend' ? 'extended' : 'shrunk'}.`)
}

async function reassociate(
  shell: Shell,
  { rest, row }: Parsed,
  next: (before: readonly string[], named: readonly string[]) => readonly string[],
): Promise<void> {
  if (rest[0] === undefined)
    throw new DiskRaidSyntaxError(`The numbers of targets are missing: ${row.words} ${row.usage}`)
  const indexes = parseIndexes(rest[0])
  const named: string[] = []
  for (const index of indexes) named.push(await shell.demandIdAt('target', index))
  const path = `/luns/${shell.focus.demand('lun')}/targets`
  const { body: before, etag } = await shell.api.request<readonly { targetId: string }[]>('GET', path)
  const targetIds = [
    ...new Set(
      next(
        before.map(({ targetId }) => targetId),
        named,
      ),
    ),
  ]
  await shell.change('PUT', path, { body: { targetIds }, ifMatch: etag })
  shell.say(`The selected LUN is now associated with ${targetIds.length} target${targetIds.length === 1 ? '' : 's'}.`)
}

/** Replaces the initiators, or with `add` adds to them; networks and who may only read stay as they are. */
async function unmask(shell: Shell, { parameters, flags, row }: Parsed): Promise<void> {
  const ways = [flags.has('all'), flags.has('none'), parameters.has('initiator'), parameters.has('wwn')]
  const isAddOfNone = flags.has('add') && !parameters.has('initiator') && !parameters.has('wwn')
  if (ways.filter(Boolean).length !== 1 || isAddOfNone)
    throw new DiskRaidSyntaxError(`One of these is needed: ${row.words} ${row.usage}`)
  if (parameters.has('wwn')) throw new NotSupported('Worldwide names belong to Fibre Channel: give initiator=NAME')
  const id = shell.focus.demand('lun')
  const { body: lun, etag } = await shell.api.request<Lun>('GET', `/luns/${id}`)
  const body: Mask = { ...lun.mask, initiators: nextInitiators(lun.mask, parameters.get('initiator'), flags) }
  await shell.change('PUT', `/luns/${id}/mask`, { body, ifMatch: etag })
  const who =
    body.initiators === '*'
      ? 'every initiator'
      : `${body.initiators.length} initiator${body.initiators.length === 1 ? '' : 's'}`
  shell.say(`The selected LUN is now unmasked to ${who}.`)
  if (flags.has('uninstall')) shell.say(UNINSTALL_NOTE)
}

function nextInitiators(mask: Mask, text: string | undefined, flags: ReadonlySet<string>): Mask['initiators'] {
  if (flags.has('all')) return '*'
  const named = (text ?? '').split(';').filter((name) => name !== '')
  if (text !== undefined && named.length === 0)
    throw new DiskRaidSyntaxError('initiator= is empty: use unmask lun none.')
  if (!flags.has('add')) return named
  return mask.initiators === '*' ? '*' : [...new Set([...mask.initiators, ...named])]
}

async function rename(shell: Shell, kind: keyof typeof NAMED, friendlyName: string): Promise<void> {
  if (friendlyName.length > NAME_LENGTH_MAX) {
    throw new DiskRaidSyntaxError(`The name has ${friendlyName.length} characters: allowed are ${NAME_LENGTH_MAX}.`)
  }
  const { path, noun } = NAMED[kind]
  await shell.change('PATCH', path(shell.focus.demand(kind)), { body: { friendlyName } })
  shell.say(`${noun} is now named "${friendlyName}".`)
}
