/**
 * What an apply would change, for people: each object that differs between two configurations, and its properties before and
 * after. It is read off the same draft that an apply commits, so a plan never says anything else than what happens. Secrets
 * are compared and never shown.
 */

import type { ChapUser, Configuration, LunRecord, ObjectId, TargetRecord, UnmaskList } from '../configuration.ts'
import { isOwnStorage } from '../lun-storage.ts'
import type { Draft } from './draft.ts'
import { portalName } from './references.ts'

export interface PlannedChange {
  readonly action: 'create' | 'change' | 'delete'
  readonly kind: 'subsystem' | 'portal' | 'lun' | 'target'
  readonly name: string
  readonly properties: readonly PlannedProperty[]
}

export interface PlannedProperty {
  readonly name: string
  /** Null where there was nothing, or comes nothing. */
  readonly before: string | null
  readonly after: string | null
}

/** What a property is, and what it says to people where that must not be the same. */
type Value = string | { readonly secret: Buffer; readonly text: string }
type Properties = ReadonlyMap<string, Value>

/** Empty when the draft changes nothing. */
export function planOf(before: Configuration, draft: Draft): PlannedChange[] {
  const after = draft.configuration
  const sizes = new Map<ObjectId, Sizes>([
    ...draft.growths.map(({ id, fromBytes, toBytes }) => [id, { before: fromBytes, after: toBytes }] as const),
    ...draft.newFiles.map(({ lun, sizeBytes }) => [lun.id, { before: null, after: sizeBytes }] as const),
  ])
  const lunProperties = (side: 'before' | 'after') => (lun: LunRecord) =>
    describeLun(lun, sizes.get(lun.id)?.[side] ?? null)
  return [
    ...compare('subsystem', subSystemOf(before), subSystemOf(after), ({ name }) => name, [
      describeSubSystem(before),
      describeSubSystem(after),
    ]),
    ...compare('portal', before.portals, after.portals, portalName, [describePortal, describePortal]),
    ...compare('lun', before.luns, after.luns, lunName, [lunProperties('before'), lunProperties('after')], sizes),
    ...compare('target', before.targets, after.targets, ({ iscsiName }) => iscsiName, [
      describeTarget(before),
      describeTarget(after),
    ]),
  ]
}

interface Sizes {
  readonly before: number | null
  readonly after: number
}

type Describe<T> = (record: T) => Properties

function compare<T>(
  kind: PlannedChange['kind'],
  before: ReadonlyMap<ObjectId, T>,
  after: ReadonlyMap<ObjectId, T>,
  nameOf: (record: T) => string,
  [describeBefore, describeAfter]: readonly [Describe<T>, Describe<T>],
  touched: ReadonlyMap<ObjectId, unknown> = new Map(),
): PlannedChange[] {
  const changes: PlannedChange[] = []
  for (const [id, record] of before) {
    if (!after.has(id))
      changes.push({
        action: 'delete',
        kind,
        name: nameOf(record),
        properties: differences(describeBefore(record), new Map()),
      })
  }
  for (const [id, record] of after) {
    const old = before.get(id)
    if (old === record && !touched.has(id)) continue
    const properties = differences(old === undefined ? new Map() : describeBefore(old), describeAfter(record))
    if (old === undefined) changes.push({ action: 'create', kind, name: nameOf(record), properties })
    else if (properties.length > 0) changes.push({ action: 'change', kind, name: nameOf(record), properties })
  }
  return changes
}

function differences(before: Properties, after: Properties): PlannedProperty[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names]
    .filter((name) => !isSame(before.get(name), after.get(name)))
    .map((name) => ({ name, before: shown(before.get(name)), after: shown(after.get(name)) }))
}

function isSame(a: Value | undefined, b: Value | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  return a.secret.equals(b.secret) && a.text === b.text
}

const shown = (value: Value | undefined) =>
  value === undefined ? null : typeof value === 'string' ? value : value.text

function subSystemOf(configuration: Configuration): ReadonlyMap<ObjectId, { readonly name: string }> {
  const { id, friendlyName } = configuration.subSystem
  return new Map([[id, { name: friendlyName }]])
}

function describeSubSystem({ subSystem, importTargets, targets }: Configuration): Describe<unknown> {
  return () =>
    new Map<string, Value>([
      ['friendlyName', subSystem.friendlyName],
      ['status', subSystem.status],
      ...subSystem.discoveryUsers.map((user) => [`discovery user ${user.user}`, describeUser(user)] as const),
      ...[...importTargets].map(
        ([host, id]) => [`import target of ${host}`, targets.get(id)?.iscsiName ?? id] as const,
      ),
    ])
}

function describePortal({ hasTls, status }: { readonly hasTls: boolean; readonly status: string }): Properties {
  return new Map([
    ['hasTls', String(hasTls)],
    ['status', status],
  ])
}

const lunName = ({ friendlyName, id }: LunRecord) => friendlyName || id

function describeLun(lun: LunRecord, sizeBytes: number | null): Properties {
  return new Map<string, Value>([
    ['name', lun.friendlyName],
    ...(sizeBytes === null ? [] : [['size', String(sizeBytes)] as const]),
    ...(isOwnStorage(lun) ? [] : [['path', lun.path] as const]),
    ...(['deviceType', 'blockLengthBytes', 'physicalBlockBytes', 'isReadOnly', 'isRemovable', 'status'] as const).map(
      (property) => [property, String(lun[property])] as const,
    ),
    ...describeMask(lun.unmask),
  ])
}

function describeMask({ initiators, networks, readOnlyInitiators }: UnmaskList): readonly (readonly [string, Value])[] {
  return [
    ['initiators', initiators === '*' ? '*' : initiators.join(' ') || 'nobody'],
    ['networks', networks.join(' ') || 'any'],
    ['readOnlyInitiators', readOnlyInitiators === '*' ? '*' : readOnlyInitiators.join(' ') || 'nobody'],
  ]
}

function describeTarget(configuration: Configuration): Describe<TargetRecord> {
  return ({ friendlyName, portalGroups, luns, sharedSecret, chapUsers, rememberedSecrets }) =>
    new Map<string, Value>([
      ['friendlyName', friendlyName],
      ...portalGroups.map(({ tag, portalIds }) => {
        const places = portalIds.map((id) => portalName(configuration.portals.get(id)!))
        return [`portal group ${tag}`, places.join(' ') || 'no portal'] as const
      }),
      ...[...luns].map(([id, number]) => [`LUN ${number}`, lunName(configuration.luns.get(id)!)] as const),
      ...(sharedSecret === null ? [] : [['shared secret', { secret: sharedSecret, text: '(secret)' }] as const]),
      ...chapUsers.map((user) => [`user ${user.user}`, describeUser(user)] as const),
      ...[...rememberedSecrets].map(([initiator, { user, secret }]) => {
        return [`remembered for ${initiator}`, { secret, text: `${user ?? ''}(secret)` }] as const
      }),
    ])
}

function describeUser({ secret, initiatorNames }: ChapUser): Value {
  return { secret, text: `(secret) ${initiatorNames.join(' ')}`.trim() }
}
