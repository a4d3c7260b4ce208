/**
 * The attributes of every request that the client makes, in the order that RFC 4171 5.6 prescribes (source, message key,
 * delimiter, operating attributes), and what is read from the answers. Pure; called by the client only.
 */

import { prepareName } from '../names.ts'
import { ATTRIBUTE, type Attribute, attribute, DELIMITER, emptyAttribute, integerOf, textOf } from './attributes.ts'
import { ENTITY_PROTOCOL_ISCSI, NODE_TYPE, SCN_BITMAP } from './functions.ts'
import type { IsnsMessage } from './message.ts'
import { type IsnsPortal, type IsnsTarget, type NetworkEntity, portalGroupTagOf } from './network-entity.ts'

/** What not every server has; a client leaves out what was refused. */
export interface RegistrationFeatures {
  readonly esi: boolean
  readonly scn: boolean
  readonly portalGroups: boolean
}

export interface RegistrationTimes {
  /** How long the server keeps the registration of a client that is silent. */
  readonly registrationPeriodSeconds: number
  /** How often the server is asked to inquire whether a portal lives. */
  readonly esiIntervalSeconds: number
}

const sourceOf = (name: string): Attribute => attribute(ATTRIBUTE.iscsiName, name)

/**
 * DevAttrReg: the whole entity (RFC 4171 5.6.5.1). `entityIdentifier` is null for a new one, whose identifier the server
 * then chooses (6.2.1); a known one is also the message key. `source` is the name of a target of the entity.
 */
export function registrationRequest(
  source: string,
  entityIdentifier: string | null,
  { targets, portals }: NetworkEntity,
  features: RegistrationFeatures,
  times: RegistrationTimes,
): Attribute[] {
  const key = entityIdentifier === null ? [] : [attribute(ATTRIBUTE.entityIdentifier, entityIdentifier)]
  return [
    sourceOf(source),
    ...key,
    DELIMITER,
    ...(entityIdentifier === null ? [emptyAttribute(ATTRIBUTE.entityIdentifier)] : key),
    attribute(ATTRIBUTE.entityProtocol, ENTITY_PROTOCOL_ISCSI),
    attribute(ATTRIBUTE.registrationPeriod, times.registrationPeriodSeconds),
    ...portals.flatMap((portal) => portalAttributes(portal, features, times)),
    ...targets.flatMap((target) => targetAttributes(target, features.portalGroups ? portals : [])),
  ]
}

const portalKey = ({ address, port }: IsnsPortal): Attribute[] => [
  attribute(ATTRIBUTE.portalIpAddress, address),
  attribute(ATTRIBUTE.portalTcpUdpPort, port),
]

function portalAttributes(portal: IsnsPortal, features: RegistrationFeatures, times: RegistrationTimes): Attribute[] {
  const { notificationPort } = portal
  if (notificationPort === null) return portalKey(portal)
  const esi = [
    attribute(ATTRIBUTE.esiInterval, times.esiIntervalSeconds),
    attribute(ATTRIBUTE.esiPort, notificationPort),
  ]
  const scn = [attribute(ATTRIBUTE.scnPort, notificationPort)]
  return [...portalKey(portal), ...(features.esi ? esi : []), ...(features.scn ? scn : [])]
}

/** A target, and the portals that lead to it: each portal group tag with its portals (RFC 4171 3.4, 6.5.4). */
function targetAttributes(target: IsnsTarget, portals: readonly IsnsPortal[]): Attribute[] {
  const { name, alias } = target
  const tags = new Set(portals.map((portal) => portalGroupTagOf(target, portal)).filter((tag) => tag !== undefined))
  return [
    attribute(ATTRIBUTE.iscsiName, name),
    attribute(ATTRIBUTE.iscsiNodeType, NODE_TYPE.target),
    ...(alias === '' ? [] : [attribute(ATTRIBUTE.iscsiAlias, alias)]),
    ...[...tags].flatMap((tag) => [
      attribute(ATTRIBUTE.pgTag, tag),
      ...portals
        .filter((portal) => portalGroupTagOf(target, portal) === tag)
        .flatMap(({ address, port }) => [
          attribute(ATTRIBUTE.pgPortalIpAddress, address),
          attribute(ATTRIBUTE.pgPortalTcpUdpPort, port),
        ]),
    ]),
  ]
}

/** DevDereg of single objects of the entity (RFC 4171 5.6.5.4). */
export function objectDeregistrationRequest(source: string, { targets, portals }: NetworkEntity): Attribute[] {
  const names = targets.map(({ name }) => attribute(ATTRIBUTE.iscsiName, name))
  return [sourceOf(source), DELIMITER, ...portals.flatMap(portalKey), ...names]
}

/** DevDereg of the entity with all that is in it (RFC 4171 5.6.5.4). */
export function entityDeregistrationRequest(source: string, entityIdentifier: string): Attribute[] {
  return [sourceOf(source), DELIMITER, attribute(ATTRIBUTE.entityIdentifier, entityIdentifier)]
}

/** SCNReg for one target: every change of itself and of initiators (RFC 4171 5.6.5.5, 6.4.4). */
export function scnRegistrationRequest(target: string): Attribute[] {
  const bitmap = Object.values(SCN_BITMAP).reduce((all, bit) => all | bit, 0)
  return [
    sourceOf(target),
    attribute(ATTRIBUTE.iscsiName, target),
    DELIMITER,
    attribute(ATTRIBUTE.iscsiScnBitmap, bitmap),
  ]
}

/** DevAttrQry for a target by itself: whether the server still has it, and a sign of life (RFC 4171 6.2.6). */
export function selfQuery(target: string): Attribute[] {
  return [sourceOf(target), attribute(ATTRIBUTE.iscsiName, target), DELIMITER, emptyAttribute(ATTRIBUTE.iscsiName)]
}

/**
 * DevAttrQry for initiators with a target as the source: the server answers with those that share a discovery domain with
 * it (RFC 4171 5.6.5.2).
 */
export function initiatorsQuery(target: string): Attribute[] {
  return [
    sourceOf(target),
    attribute(ATTRIBUTE.iscsiNodeType, NODE_TYPE.initiator),
    DELIMITER,
    emptyAttribute(ATTRIBUTE.iscsiName),
    emptyAttribute(ATTRIBUTE.iscsiNodeType),
  ]
}

/** The identifier in the answer to a registration; null when there is none that could be sent back. */
export function entityIdentifierIn({ attributes }: IsnsMessage): string | null {
  const { tag: identifierTag, textBytesMax } = ATTRIBUTE.entityIdentifier
  const named = attributes.find(({ tag, value }) => tag === identifierTag && value.length > 0)
  if (named === undefined || named.value.length > textBytesMax) return null
  return textOf(named) || null
}

/** The registration period that the server has set; null when it says nothing about it. */
export function registrationPeriodIn({ attributes }: IsnsMessage): number | null {
  const period = attributes.find(({ tag }) => tag === ATTRIBUTE.registrationPeriod.tag)
  return period === undefined ? null : integerOf(period)
}

/** The longest interval of inquiries that the server has set; null when it says nothing about it. */
export function esiIntervalIn({ attributes }: IsnsMessage): number | null {
  const intervals = attributes.filter(({ tag }) => tag === ATTRIBUTE.esiInterval.tag).map(integerOf)
  return intervals.reduce((longest, interval) => (interval === null ? longest : Math.max(longest ?? 0, interval)), null)
}

/** Whether the answer to a `selfQuery` has found the target. */
export function hasFound({ attributes }: IsnsMessage, target: string): boolean {
  return operatingAttributes(attributes).some(
    (found) => found.tag === ATTRIBUTE.iscsiName.tag && textOf(found) === target,
  )
}

/** The initiators in the answer to an `initiatorsQuery`, normalised; a node that is not said to be one is left out. */
export function initiatorsIn({ attributes }: IsnsMessage): Set<string> {
  const initiators = new Set<string>()
  let name: string | null = null
  for (const found of operatingAttributes(attributes)) {
    if (found.tag === ATTRIBUTE.iscsiName.tag) name = preparedName(found)
    else if (found.tag === ATTRIBUTE.iscsiNodeType.tag && name !== null) {
      if (((integerOf(found) ?? 0) & NODE_TYPE.initiator) !== 0) initiators.add(name)
    }
  }
  return initiators
}

function preparedName(found: Attribute): string | null {
  const name = prepareName(textOf(found) ?? '')
  return typeof name === 'string' ? name : null
}

/** What follows the delimiter. */
function operatingAttributes(attributes: readonly Attribute[]): readonly Attribute[] {
  const delimiterAt = attributes.findIndex(({ tag }) => tag === ATTRIBUTE.delimiter.tag)
  return delimiterAt < 0 ? [] : attributes.slice(delimiterAt + 1)
}
