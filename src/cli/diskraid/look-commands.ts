/** DiskRAID's commands that look: `list`, `select` and `detail`, and `help`. */

import type { Lun, Portal, PortalGroup, SubSystem, Target } from '../client/resources.ts'
import { formatEndpoint } from '../listen-address.ts'
import type { FocusKind } from './focus.ts'
import { usageOf } from './parser.ts'
import type { Command, ListedKind, Shell } from './shell.ts'
import { formatDashed, formatDetail, shortSize } from './tables.ts'
import { DiskRaidSyntaxError } from './tokens.ts'

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
const yesOrNo = (value: boolean) => (value ? 'Yes' : 'No')

interface Listing<T> {
  readonly headings: readonly string[]
  readonly row: (object: T) => readonly string[]
}

/** How `list` shows each kind, after the column with the number. */
const LISTINGS: { readonly [K in ListedKind]: Listing<never> } = {
  provider: { headings: ['Name', 'Type'], row: () => ['Lunette', 'iSCSI'] },
  subsystem: {
    headings: ['Name', 'Status', 'Identification'],
    row: ({ friendlyName, status, identification }: SubSystem) => [friendlyName, capital(status), identification],
  },
  lun: {
    headings: ['Name', 'Status', 'Type', 'Size', 'Device'],
    row: ({ friendlyName, status, sizeBytes, serialNumber }: Lun) => [
      friendlyName,
      capital(status),
      'Simple',
      shortSize(sizeBytes),
      serialNumber,
    ],
  },
  tportal: {
    headings: ['Address', 'Status'],
    row: (portal: Portal) => [
      formatEndpoint({ host: portal.host, port: portal.listeningPort ?? portal.port }),
      capital(portal.status),
    ],
  },
  target: {
    headings: ['Name', 'CHAP', 'iSCSI Name'],
    row: ({ friendlyName, isChapEnabled, iscsiName }: Target) => [friendlyName, yesOrNo(isChapEnabled), iscsiName],
  },
  tpgroup: {
    headings: ['Tag', 'Portals'],
    row: ({ tag, portalIds }: PortalGroup) => [String(tag), String(portalIds.length)],
  },
}

const NUMBER_HEADINGS: Readonly<Record<ListedKind, string>> = {
  provider: 'Provider ###',
  subsystem: 'Subsystem ###',
  lun: 'LUN ###',
  tportal: 'TPortal ###',
  target: 'Target ###',
  tpgroup: 'TPGroup ###',
}

/** A software array has none of these, and those of the initiator's computer are not its own. */
const EMPTY_KINDS: Readonly<Record<string, string>> = {
  controller: 'There are no controllers: this array is software.',
  port: 'There are no ports: this array is software.',
  drive: 'There are no drives: the LUNs of this array are files.',
  hbaport: "HBA ports belong to the initiator's computer: look at them there.",
  iadapter: "Initiator adapters belong to the initiator's computer: look at them there.",
  iportal: "Initiator portals belong to the initiator's computer: look at them there.",
}

/** Within sentences: a subsystem, but a LUN. */
const called = (kind: ListedKind) => (/^[A-Z]{2}/.test(nameOf(kind)) ? nameOf(kind) : kind)

/** Where sentences begin with an object. */
const nameOf = (kind: ListedKind) => NUMBER_HEADINGS[kind].slice(0, -4)

const isListed = (kind: string): kind is ListedKind => kind in LISTINGS

async function list(shell: Shell, kind: ListedKind): Promise<void> {
  shell.focus.demandParentOf(kind)
  const objects = await shell.relist(kind)
  if (objects.length === 0) return shell.say(`There are no ${kind}s.`)
  const { headings, row } = LISTINGS[kind] as Listing<unknown>
  const rows = objects.map((object, index) => [`${nameOf(kind)} ${index}`, ...row(object)])
  const selected = objects.findIndex(({ id }) => id === shell.focus.find(kind))
  shell.write(formatDashed([NUMBER_HEADINGS[kind], ...headings], rows, selected))
}

async function select(shell: Shell, kind: ListedKind, text: string | undefined): Promise<void> {
  shell.focus.demandParentOf(kind)
  if (text === undefined) {
    const id = shell.focus.find(kind)
    const said =
      id === null
        ? `There is no ${kind} selected.`
        : `${nameOf(kind)} ${await shell.indexOf(kind, id)} is the selected ${called(kind)}.`
    return shell.say(said)
  }
  if (!/^\d{1,6}$/.test(text)) throw new DiskRaidSyntaxError(`${text} is no number of a ${kind}.`)
  const id = await shell.idAt(kind, Number(text))
  if (id === null) {
    shell.focus.clear(kind)
    throw new DiskRaidSyntaxError(`There is no ${kind} ${text}: use list ${kind}s. No ${kind} is selected now.`)
  }
  await selectProviderOf(shell, kind)
  shell.focus.select(kind, id)
  shell.say(`${nameOf(kind)} ${text} is now the selected ${called(kind)}.`)
}

/** Selecting a subsystem selects its provider. */
async function selectProviderOf(shell: Shell, kind: FocusKind): Promise<void> {
  const id = kind === 'subsystem' ? await shell.idAt('provider', 0) : null
  if (id !== null) shell.focus.select('provider', id)
}

async function detail(shell: Shell, kind: ListedKind, isVerbose: boolean): Promise<void> {
  const id = shell.focus.demand(kind)
  const object = (await shell.read(kind)).find((candidate) => candidate.id === id)
  if (object === undefined) throw new DiskRaidSyntaxError(`The selected ${kind} is gone: use list ${kind}s.`)
  const { headings, row } = LISTINGS[kind] as Listing<unknown>
  const cells = row(object)
  const properties = headings.map((heading, at) => [heading, cells[at]!] as const)
  shell.write(formatDetail([['ID', id], ...properties, ...(await associations(shell, kind, object, isVerbose))]))
}

type Properties = readonly (readonly [name: string, value: string])[]

async function associations(shell: Shell, kind: ListedKind, object: unknown, isVerbose: boolean): Promise<Properties> {
  switch (kind) {
    case 'lun': {
      const { mask, targets, id } = object as Lun
      const hosts = mask.initiators === '*' ? '*' : mask.initiators.join(';')
      const plexes = isVerbose ? await shell.api.get<readonly { id: string }[]>(`/luns/${id}/plexes`) : []
      return [
        ['Unmasked Hosts', hosts],
        [
          'Associated Targets',
          await places(
            shell,
            'target',
            targets.map(({ targetId }) => targetId),
          ),
        ],
        ...plexes.map((plex, index) => [`Plex ${index}`, plex.id] as const),
      ]
    }
    case 'target': {
      const luns = await shell.api.get<readonly Lun[]>(`/targets/${(object as Target).id}/luns`)
      return [
        [
          'Associated LUNs',
          await places(
            shell,
            'lun',
            luns.map(({ id }) => id),
          ),
        ],
      ]
    }
    case 'tpgroup':
      return [['Associated TPortals', await places(shell, 'tportal', (object as PortalGroup).portalIds)]]
    default:
      return []
  }
}

async function places(shell: Shell, kind: ListedKind, ids: readonly string[]): Promise<string> {
  const indexes: number[] = []
  for (const id of ids) indexes.push(await shell.indexOf(kind, id))
  return indexes.join(', ')
}

const KINDS = [...Object.keys(LISTINGS), ...Object.keys(EMPTY_KINDS)]

const commandsOf = (kind: string): readonly Command[] => [
  {
    words: `list ${kind}s`,
    run: (shell) => (isListed(kind) ? list(shell, kind) : shell.say(EMPTY_KINDS[kind]!)),
  },
  {
    words: `select ${kind}`,
    usage: '[n]',
    restMax: 1,
    run: (shell, { rest }) => (isListed(kind) ? select(shell, kind, rest[0]) : refuse(EMPTY_KINDS[kind]!)),
  },
  {
    words: `detail ${kind}`,
    usage: '[verbose]',
    flags: ['verbose'],
    run: (shell, { flags }) =>
      isListed(kind) ? detail(shell, kind, flags.has('verbose')) : refuse(EMPTY_KINDS[kind]!),
  },
]

function refuse(sentence: string): never {
  throw new DiskRaidSyntaxError(sentence)
}

export const LOOK_COMMANDS: readonly Command[] = [
  ...KINDS.flatMap(commandsOf),
  {
    words: 'help',
    run: (shell) =>
      shell.write(
        `\n${shell.commands
          .map((row) => `  ${usageOf(row)}`)
          .sort()
          .join('\n')}\n`,
      ),
  },
  {
    words: 'exit',
    run: (shell) => {
      shell.hasExited = true
    },
  },
]
