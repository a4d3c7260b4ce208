/** DiskRAID's commands for targets: names, portal groups, secrets, and the import target. */

import { hostname } from 'node:os'
import { secretText } from '../../management/secret-text.ts'
import type { Job, Portal, PortalGroup, Target } from '../client/resources.ts'
import { type ParsedCommand, parseIndexes } from './parser.ts'
import type { Command, Shell } from './shell.ts'

type Parsed = ParsedCommand<Command>

const CREATE_TPGROUP = {
  usage: '[noerr]',
  needs: 'target',
  flags: ['noerr'],
  run: createPortalGroup,
} as const satisfies Omit<Command, 'words'>

export const TARGET_COMMANDS: readonly Command[] = [
  {
    words: 'create target',
    usage: 'name=text [iscsiname=iqn] [noerr]',
    needs: 'subsystem',
    parameters: { name: 'required', iscsiname: 'optional' },
    flags: ['noerr'],
    run: createTarget,
  },
  { words: 'create tpgroup', ...CREATE_TPGROUP },
  { words: 'create tportalgroup', ...CREATE_TPGROUP },
  {
    words: 'delete target',
    usage: '[noerr]',
    needs: 'target',
    flags: ['noerr'],
    run: (shell) => remove(shell, 'target', '/targets'),
  },
  {
    words: 'delete tpgroup',
    usage: '[noerr]',
    needs: 'tpgroup',
    flags: ['noerr'],
    run: (shell) => remove(shell, 'tpgroup', '/portal-groups'),
  },
  ...(['add', 'remove'] as const).map(
    (verb): Command => ({
      words: `${verb} tpgroup`,
      usage: 'tportal=n [noerr]',
      needs: 'tpgroup',
      parameters: { tportal: 'required' },
      flags: ['noerr'],
      run: (shell, parsed) => movePortal(shell, parsed, verb),
    }),
  ),
  {
    words: 'chap target set',
    usage: 'secret=[text] [initiator=iqn]',
    needs: 'target',
    parameters: { secret: 'required', initiator: 'optional' },
    run: setSecret,
  },
  {
    words: 'chap target remember',
    usage: 'secret=[text] initiator=iqn',
    needs: 'target',
    parameters: { secret: 'required', initiator: 'required' },
    run: rememberSecret,
  },
  {
    words: 'importtarget subsystem',
    needs: 'subsystem',
    run: async (shell) => {
      const { iscsiName } = await shell.api.get<{ iscsiName: string }>(importTargetPath())
      shell.say(`The import target of this computer is ${iscsiName}.`)
    },
  },
  {
    words: 'importtarget subsystem set target',
    needs: 'target',
    run: setImportTarget,
  },
  ...(['online', 'offline'] as const).flatMap((status): Command[] => [
    {
      words: `${status} tportal`,
      needs: 'tportal',
      run: async (shell) => {
        await shell.change<Portal>('PATCH', `/portals/${shell.focus.demand('tportal')}`, { body: { status } })
        shell.say(`The selected TPortal is now ${status}.`)
      },
    },
    {
      words: `${status} subsystem`,
      needs: 'subsystem',
      run: async (shell) => {
        await shell.change('PATCH', '/subsystem', { body: { status } })
        shell.say(`The selected subsystem is now ${status}.`)
      },
    },
  ]),
  ...['reenumerate subsystems', 'reenumerate drives', 'refresh provider', 'rescan'].map(
    (words): Command => ({ words, run: (shell) => reload(shell, words) }),
  ),
]

const importTargetPath = () => `/import-targets/${encodeURIComponent(hostname().toLowerCase())}`

async function createTarget(shell: Shell, { parameters }: Parsed): Promise<void> {
  const iscsiName = parameters.get('iscsiname')
  const body = { friendlyName: parameters.get('name'), ...(iscsiName === undefined ? {} : { iscsiName }) }
  const target = await shell.change<Target>('POST', '/targets', { body })
  shell.focus.add('target', target.id)
  shell.say(`Target ${await shell.indexOf('target', target.id)} was created and is now the selected target.`)
}

async function createPortalGroup(shell: Shell): Promise<void> {
  const { id } = await shell.change<PortalGroup>('POST', `/targets/${shell.focus.demand('target')}/portal-groups`)
  shell.focus.add('tpgroup', id)
  shell.say(`TPGroup ${await shell.indexOf('tpgroup', id)} is now the selected TPGroup.`)
}

async function remove(shell: Shell, kind: 'target' | 'tpgroup', path: string): Promise<void> {
  const id = shell.focus.demand(kind)
  const index = await shell.indexOf(kind, id)
  await shell.change('DELETE', `${path}/${id}`)
  shell.focus.remove(kind, id)
  shell.say(`${kind === 'target' ? 'Target' : 'TPGroup'} ${index} was deleted.`)
}

async function movePortal(shell: Shell, { parameters }: Parsed, verb: 'add' | 'remove'): Promise<void> {
  const [index = 0] = parseIndexes(parameters.get('tportal') ?? '')
  const portalId = await shell.demandIdAt('tportal', index)
  const path = `/portal-groups/${shell.focus.demand('tpgroup')}/portals/${portalId}`
  await shell.change<Job>(verb === 'add' ? 'PUT' : 'DELETE', path)
  shell.say(`TPortal ${index} was ${verb === 'add' ? 'added to' : 'removed from'} the selected TPGroup.`)
}

async function setSecret(shell: Shell, { parameters }: Parsed): Promise<void> {
  const initiator = parameters.get('initiator')
  const end = initiator === undefined ? 'shared-secret' : `shared-secrets/${encodeURIComponent(initiator)}`
  await putSecret(shell, end, parameters.get('secret') ?? '')
}

async function rememberSecret(shell: Shell, { parameters }: Parsed): Promise<void> {
  const initiator = encodeURIComponent(parameters.get('initiator') ?? '')
  await putSecret(shell, `remembered-secrets/${initiator}`, parameters.get('secret') ?? '')
}

/** An empty secret clears. */
async function putSecret(shell: Shell, end: string, secret: string): Promise<void> {
  const path = `/targets/${shell.focus.demand('target')}/${end}`
  if (secret === '') await shell.change('DELETE', path)
  else await shell.change('PUT', path, { body: { secret: secretText(Buffer.from(secret)) } })
  shell.say(`The CHAP secret of the selected target was ${secret === '' ? 'cleared' : 'set'}.`)
}

async function setImportTarget(shell: Shell): Promise<void> {
  const id = shell.focus.demand('target')
  const { iscsiName } = await shell.api.get<Target>(`/targets/${id}`)
  await shell.change('PUT', importTargetPath(), { body: { iscsiName } })
  shell.say(`${iscsiName} is now the import target of this computer.`)
}

async function reload(shell: Shell, words: string): Promise<void> {
  if (words !== 'refresh provider') await shell.change('POST', '/provider/reenumerate')
  if (words === 'refresh provider' || words === 'rescan') await shell.change('POST', '/provider/refresh')
  shell.focus.forgetLists()
  shell.say(`The ${words === 'rescan' ? 'provider' : words.split(' ')[1]} was read anew.`)
}
