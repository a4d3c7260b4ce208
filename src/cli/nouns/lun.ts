/** `lunette lun`: logical units, who sees them, and the targets that they are reached through. */

import { resolve } from 'node:path'
import { UsageError } from '../../failure.ts'
import { formatSize } from '../../size.ts'
import { findObject, LUNS, TARGETS } from '../client/find-object.ts'
import type { Lun, Mask, Target } from '../client/resources.ts'
import { type Column, yesOrNo } from '../output.ts'
import type { ApiSession, Noun, OptionRow, Verb, Words } from './noun.ts'
import { given, readInitiators, readList, readSize, readText } from './words.ts'

const sizeOf = (bytes: number | null) => (bytes === null ? null : formatSize(bytes))
const nameOf = ({ friendlyName, id }: Lun) => friendlyName || id
const initiatorsOf = ({ initiators }: Mask) =>
  initiators === '*' ? 'everybody' : initiators.length === 0 ? 'nobody' : initiators.join(', ')

const COLUMNS: readonly Column<Lun>[] = [
  ['ID', ({ id }) => id],
  ['Name', ({ friendlyName }) => friendlyName],
  ['Size', ({ sizeBytes }) => sizeOf(sizeBytes)],
  ['Status', ({ status }) => status],
  ['Targets', ({ targets }) => targets.length],
  ['Unmasked for', ({ mask }) => initiatorsOf(mask)],
]

const rows = (targets: readonly Target[]): readonly Column<Lun>[] => [
  ...COLUMNS.slice(0, 4),
  ['Reason', ({ reason }) => reason],
  ['Takes on disk', ({ allocatedBytes }) => sizeOf(allocatedBytes)],
  ['File', ({ path }) => path],
  ['Kind', ({ deviceType, isRemovable }) => `${deviceType}${isRemovable ? ', removable' : ''}`],
  ['Block length', ({ blockLengthBytes }) => blockLengthBytes],
  ['Read only', ({ isReadOnly }) => yesOrNo(isReadOnly)],
  ['Serial number', ({ serialNumber }) => serialNumber],
  ['NAA', ({ naa }) => naa],
  ['Unmasked for', ({ mask }) => initiatorsOf(mask)],
  ['From networks', ({ mask }) => mask.networks.join(', ') || 'any'],
  ['Read only for', ({ mask }) => initiatorsOf({ ...mask, initiators: mask.readOnlyInitiators })],
  [
    'Targets',
    (lun) =>
      lun.targets
        .map(({ targetId, lun: number }) => {
          const target = targets.find(({ id }) => id === targetId)
          return `${target?.iscsiName ?? targetId} as LUN ${number}`
        })
        .join(', '),
  ],
]

const MASK_OPTIONS: readonly OptionRow[] = [
  { flags: '--initiator <NAME>', text: "an initiator that sees it; '*' for all", isRepeatable: true },
  { flags: '--network <CIDR>', text: 'an address or block that initiators have to come from', isRepeatable: true },
  { flags: '--read-only <NAME>', text: "an initiator that may only read; '*' for all", isRepeatable: true },
]

/** Null when no option says anything about the mask. Errors: `UsageError` when it would be for nobody unawares. */
function readMask(words: Words): Mask | null {
  if (['initiator', 'network', 'readOnly'].every((name) => words[name] === undefined)) return null
  if (words.initiator === undefined) {
    throw new UsageError("--network and --read-only need --initiator: who sees the LUN? --initiator '*' is everybody")
  }
  return {
    initiators: readInitiators('--initiator', readList(words, 'initiator')),
    networks: readList(words, 'network'),
    readOnlyInitiators: readInitiators('--read-only', readList(words, 'readOnly')),
  }
}

function readNewMask(words: Words): Mask {
  const mask = readMask(words)
  if ((mask === null) !== (words.nobody === true)) {
    throw new UsageError('mask needs --initiator, or --nobody: who sees the LUN?')
  }
  return mask ?? { initiators: [], networks: [], readOnlyInitiators: [] }
}

async function make(session: ApiSession, what: string, body: Record<string, unknown>): Promise<void> {
  const job = await session.finish(await session.api.start('POST', '/luns', given(body)))
  session.output.done(`LUN ${what} was ${'path' in body ? 'imported' : 'created'}: ${job.output?.id}`, job.output)
}

/** Verbs that change one LUN by a request to a path below it, which may become a job. */
function change(
  usage: string,
  summary: string,
  request: (
    lun: Lun,
    args: readonly string[],
    words: Words,
  ) => { method: string; path: string; body?: unknown; said: string },
  options: readonly OptionRow[] = [],
): Verb {
  return {
    usage,
    summary,
    options,
    async run({ api, output, finish }, [word = '', ...args], words) {
      const lun = await findObject(api, LUNS, word)
      const { method, path, body, said } = request(lun, args, words)
      const answer = await api.request<unknown>(method, `/luns/${lun.id}${path}`, { body, waitSeconds: 2 })
      const result = isJob(answer.body) ? (await finish(answer.body)).output : answer.body
      output.done(`LUN ${nameOf(lun)} ${said}`, result)
    },
  }
}

const isJob = (body: unknown): body is import('../client/resources.ts').Job =>
  typeof body === 'object' && body !== null && 'percent' in body

const reassociate = (
  usage: string,
  summary: string,
  said: string,
  next: (before: readonly string[], named: readonly string[], words: Words) => readonly string[],
  options: readonly OptionRow[] = [],
): Verb => ({
  usage,
  summary,
  options,
  async run({ api, output }, [word = '', ...targetWords], words) {
    const lun = await findObject(api, LUNS, word)
    const named = await Promise.all(targetWords.map(async (target) => (await findObject(api, TARGETS, target)).id))
    const path = `/luns/${lun.id}/targets`
    const { etag, body: before } = await api.request<readonly { targetId: string }[]>('GET', path)
    const targetIds = next(
      before.map(({ targetId }) => targetId),
      named,
      words,
    )
    const { body } = await api.request('PUT', path, { body: { targetIds }, ifMatch: etag })
    output.done(`LUN ${nameOf(lun)} ${said}`, body)
  },
})

export const LUN: Noun = {
  name: 'lun',
  summary: 'logical units: the disks that initiators see',
  verbs: [
    {
      usage: 'list',
      summary: 'list the LUNs',
      run: async ({ api, output }) => output.list(await LUNS.list(api), COLUMNS),
    },
    {
      usage: 'show <LUN>',
      summary: 'show everything about a LUN',
      async run({ api, output }, [word = '']) {
        const lun = await findObject(api, LUNS, word)
        output.show(lun, rows(output.isJson ? [] : await TARGETS.list(api)))
      },
    },
    {
      usage: 'create [NAME]',
      summary: 'create a LUN that reads as zeroes and takes space as it fills',
      options: [
        { flags: '--size <SIZE>', text: 'how large, such as 10G', isRequired: true },
        { flags: '--block-size <BYTES>', text: '512 by default', choices: ['512', '4096'] },
        ...MASK_OPTIONS,
      ],
      async run(session, [name], words) {
        const blockSize = readText(words, 'blockSize')
        await make(session, name ?? '', {
          friendlyName: name,
          sizeBytes: readSize('--size', readText(words, 'size') ?? ''),
          blockLengthBytes: blockSize === undefined ? undefined : Number(blockSize),
          mask: readMask(words) ?? undefined,
        })
      },
    },
    {
      usage: 'import <FILE> [NAME]',
      summary: 'serve a file that exists, with what is in it',
      options: [
        { flags: '--read-only-medium', text: 'never write to the file' },
        { flags: '--removable', text: 'its medium can be ejected' },
        { flags: '--cd', text: 'it is a CD or DVD' },
        ...MASK_OPTIONS,
      ],
      async run(session, [file = '', name], words) {
        await make(session, name ?? file, {
          friendlyName: name,
          path: resolve(file),
          isReadOnly: words.readOnlyMedium,
          isRemovable: words.removable,
          deviceType: words.cd === true ? 'cdDvd' : undefined,
          mask: readMask(words) ?? undefined,
        })
      },
    },
    change(
      'delete <LUN>',
      'delete a LUN and what is stored in it',
      (_lun, _args, { keepStorage }) => ({
        method: 'DELETE',
        path: keepStorage === true ? '?keepStorage=true' : '',
        said: 'was deleted',
      }),
      [{ flags: '--keep-storage', text: 'leave its file where it is' }],
    ),
    change('extend <LUN> <SIZE>', 'add so much to the end of a LUN', (_lun, [size = '']) => ({
      method: 'POST',
      path: '/extend',
      body: { bytes: readSize('SIZE', size) },
      said: `was extended by ${size}`,
    })),
    change(
      'shrink <LUN> <SIZE>',
      'cut so much from the end of a LUN',
      (_lun, [size = ''], { discard }) => ({
        method: 'POST',
        path: '/shrink',
        body: { bytes: readSize('SIZE', size), ...(discard === true ? { mayDiscardData: true } : {}) },
        said: `was shrunk by ${size}`,
      }),
      [{ flags: '--discard', text: 'also if there is data in what is cut' }],
    ),
    change(
      'mask <LUN>',
      'say who sees a LUN, instead of what was said before',
      (_lun, _args, words) => ({
        method: 'PUT',
        path: '/mask',
        body: readNewMask(words),
        said: 'has a new mask',
      }),
      [...MASK_OPTIONS, { flags: '--nobody', text: 'no initiator sees it' }],
    ),
    reassociate(
      'associate <LUN> <TARGET...>',
      'let a LUN be reached through targets',
      'is associated',
      (before, named, { replace }) => (replace === true ? named : [...new Set([...before, ...named])]),
      [{ flags: '--replace', text: 'through these and no others' }],
    ),
    reassociate('dissociate <LUN> <TARGET...>', 'no longer through these targets', 'is dissociated', (before, named) =>
      before.filter((id) => !named.includes(id)),
    ),
    ...(['online', 'offline'] as const).map((status) =>
      change(`${status} <LUN>`, status === 'online' ? 'serve a LUN again' : 'keep a LUN but do not serve it', () => ({
        method: 'PUT',
        path: '/status',
        body: { status },
        said: `is ${status}`,
      })),
    ),
    change('rename <LUN> <NAME>', 'give a LUN another friendly name', (_lun, [friendlyName = '']) => ({
      method: 'PATCH',
      path: '',
      body: { friendlyName },
      said: `is now ${friendlyName}`,
    })),
    change(
      'eject <LUN>',
      'take the medium out of a LUN that is removable',
      (_lun, _args, { force }) => ({
        method: 'POST',
        path: '/eject',
        body: { force: force === true },
        said: 'has no medium',
      }),
      [{ flags: '--force', text: 'also if an initiator prevents it' }],
    ),
    change('insert <LUN> <FILE>', 'put a file into a LUN that is removable', (_lun, [file = '']) => {
      if (file === '') throw new UsageError('FILE is empty: name a file')
      return { method: 'POST', path: '/insert', body: { path: resolve(file) }, said: `holds ${file}` }
    }),
  ],
}
