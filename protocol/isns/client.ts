/**
 * The iSNS client of a target node (RFC 4171): keeps a network entity registered with a server that may go away, refuse
 * or forget, and asks it about discovery domains in between. Sans I/O.
 *
 * What there is to do follows from two entities, the one that is wanted and the one that the server has, and from
 * the questions of `DiscoveryDomains`; so however many changes and notifications come, what waits is bounded. Every
 * failure ends in one place: the connection is closed and made again after a delay that grows.
 */

import type { Timer } from '../node-context.ts'
import type { IsnsClientOptions } from './client-options.ts'
import { type ClientEvent, type ClientState, nextState } from './client-states.ts'
import { Conversation, type IsnsLink, type IsnsLinkEvents, receiveNotifications } from './conversation.ts'
import { DiscoveryDomains, INQUIRIES, type Question } from './discovery-domains.ts'
import { functionName } from './functions.ts'
import type { IsnsMessage } from './message.ts'
import { isSameEntity, type NetworkEntity, normalizeEntity, removedObjects } from './network-entity.ts'
import { answerNotification } from './notifications.ts'
import {
  entityDeregistrationRequest,
  entityIdentifierIn,
  esiIntervalIn,
  objectDeregistrationRequest,
  registrationPeriodIn,
  registrationRequest,
} from './requests.ts'
import { type Remedy, remedyFor, STATUS, statusName } from './status-codes.ts'

/** What the server has of us. */
interface Registration {
  readonly entityIdentifier: string
  readonly entity: NetworkEntity
  readonly periodMs: number
  readonly esiIntervalMs: number
  readonly registeredAtMs: number
  /**
   * `new`: the server may have put it beside objects of an earlier life, so it is to be registered in place of what is
   * there; `unconfirmed`: the connection was lost since; `confirmed`: nothing is to be done.
   */
  readonly standing: 'new' | 'unconfirmed' | 'confirmed'
}

export class IsnsClient {
  readonly #options: IsnsClientOptions
  readonly #domains: DiscoveryDomains
  #state: ClientState = 'stopped'
  #wanted: NetworkEntity = { targets: [], portals: [] }
  #registration: Registration | null = null
  #features = { esi: true, scn: true, portalGroups: true }
  #conversation: Conversation | null = null
  #timer: Timer | null = null
  #failures = 0
  #hasBeenInquired = false
  #hasClearedOldObjects = false
  #stopped: () => void = () => {}

  constructor(options: IsnsClientOptions) {
    this.#options = options
    this.#domains = new DiscoveryDomains(options)
  }

  /** The initiators that share a discovery domain with `target`, as last heard; null when nothing was heard yet. */
  initiatorsOf(target: string): ReadonlySet<string> | null {
    return this.#domains.initiatorsOf(target)
  }

  /** Begin to register `entity` and keep it registered. Errors: throws for names that are no iSCSI names. */
  start(entity: NetworkEntity): void {
    this.#want(entity)
    this.#step('start')
    this.#connect()
  }

  /** From now on this is what shall be registered: what is gone is deregistered, the rest registered in place of it. */
  update(entity: NetworkEntity): void {
    this.#want(entity)
    if (this.#state === 'connected') this.#next()
  }

  /** Deregister and end. `stopped` is called once, at the latest after `stopTimeoutMs`. */
  stop(stopped: () => void): void {
    this.#stopped = stopped
    if (this.#state !== 'stopped') this.#step('stop')
    if (this.#state !== 'leaving') {
      this.#end()
      return
    }
    this.#setTimer(this.#options.settings.stopTimeoutMs, () => {
      this.#options.log.warn({}, 'the iSNS server did not answer in time: the registration expires by itself')
      this.#left()
    })
    this.#next()
  }

  /** A connection that the server has opened. Gives the events that its bytes go to. */
  accept(link: IsnsLink): Pick<IsnsLinkEvents, 'received'> {
    return receiveNotifications(link, this.#options.settings, (message) => this.#notified(message))
  }

  #want(entity: NetworkEntity): void {
    this.#wanted = normalizeEntity(entity)
    this.#domains.setTargets(this.#wanted)
  }

  #step(event: ClientEvent): void {
    this.#state = nextState(this.#state, event)
  }

  #setTimer(delayMs: number, fire: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#options.scheduler.setTimer(delayMs, fire)
  }

  #connect(): void {
    this.#conversation = new Conversation(
      { ...this.#options, ...this.#options.settings },
      {
        opened: () => this.#opened(),
        notified: (message) => this.#notified(message),
        failed: (reason) => this.#fail(reason),
      },
    )
  }

  #opened(): void {
    this.#step('opened')
    if (this.#registration !== null) this.#registration = { ...this.#registration, standing: 'unconfirmed' }
    this.#next()
  }

  /** The next request, when none is outstanding. */
  #next(): void {
    if (this.#conversation === null || this.#conversation.isBusy) return
    if (this.#state === 'leaving') {
      if (this.#registration === null) this.#left()
      else this.#deregisterAll(this.#registration)
      return
    }
    if (this.#changeRegistration()) return
    const question = this.#domains.next(this.#registration)
    if (question === undefined) this.#rest()
    else this.#ask(question)
  }

  /** Nothing is to be done before the next refresh. */
  #rest(): void {
    this.#failures = 0
    this.#setTimer(this.#domains.restMs, () => this.#next())
  }

  /** Makes the request that brings the server's entity nearer to the wanted one; says whether there was one to make. */
  #changeRegistration(): boolean {
    const wanted = this.#wanted
    const registration = this.#registration
    if (registration === null) {
      if (wanted.targets.length > 0) this.#register(null, false)
      else this.#domains.postpone()
      return wanted.targets.length > 0
    }
    const removed = removedObjects(registration.entity, wanted)
    if (removed.targets.length === registration.entity.targets.length) {
      this.#deregisterAll(registration)
      return true
    }
    if (removed.targets.length + removed.portals.length > 0) {
      this.#deregister(registration, removed)
      return true
    }
    const isReplace = registration.standing === 'new' || !isSameEntity(registration.entity, wanted)
    const isToBeDone = isReplace || registration.standing === 'unconfirmed'
    if (isToBeDone) this.#register(registration, isReplace)
    return isToBeDone
  }

  #register(registration: Registration | null, isReplace: boolean): void {
    const entity = this.#wanted
    // The source of a message must be a node that the server knows in the entity (RFC 4171 5.6.1).
    const source = registration?.entity.targets[0] ?? entity.targets[0]!
    const entityIdentifier = registration?.entityIdentifier ?? null
    const { settings } = this.#options
    const attributes = registrationRequest(source.name, entityIdentifier, entity, this.#features, settings)
    this.#request('DevAttrReg', attributes, isReplace, (response) => {
      if (response.status !== STATUS.successful) this.#registrationRefused(response)
      else this.#registered(response, entity, entityIdentifier)
    })
  }

  #registered(response: IsnsMessage, entity: NetworkEntity, keptIdentifier: string | null): void {
    const { settings, scheduler } = this.#options
    const entityIdentifier = keptIdentifier ?? entityIdentifierIn(response)
    if (entityIdentifier === null) {
      this.#fail('it registered us without telling an entity identifier')
      return
    }
    const periodSeconds = registrationPeriodIn(response) || settings.registrationPeriodSeconds
    const registration = {
      entityIdentifier,
      entity,
      periodMs: periodSeconds * 1000,
      esiIntervalMs: (esiIntervalIn(response) ?? settings.esiIntervalSeconds) * 1000,
      registeredAtMs: scheduler.nowMs(),
    }
    this.#hasClearedOldObjects = false
    this.#hasBeenInquired = false
    if (keptIdentifier === null) this.#registration = { ...registration, standing: 'new' }
    else this.#confirm({ ...registration, standing: 'confirmed' })
  }

  #confirm(registration: Registration): void {
    const { entityIdentifier, entity, periodMs } = registration
    const targets = entity.targets.map(({ name }) => name)
    const canBeNotified = this.#features.scn && entity.portals.some(({ notificationPort }) => notificationPort !== null)
    this.#registration = registration
    this.#domains.begin(entity, canBeNotified)
    this.#options.log.info(
      { entityIdentifier, targets, periodSeconds: periodMs / 1000 },
      'registered with the iSNS server',
    )
  }

  #registrationRefused({ status }: IsnsMessage): void {
    const { log } = this.#options
    const remedy = remedyFor(status!)
    const reason = `it refused the registration with status ${statusName(status!)}`
    const feature = remedy === 'withoutEsi' ? 'esi' : remedy === 'withoutPortalGroups' ? 'portalGroups' : null
    if (feature !== null && this.#features[feature]) {
      this.#features[feature] = false
      log.info({ status: statusName(status!), without: feature }, 'the iSNS server lacks a feature')
    } else if (remedy === 'retry') this.#fail(reason)
    else if (this.#registration?.standing === 'new') {
      log.warn({ status: statusName(status!) }, 'the iSNS server does not replace registrations: it may keep old ones')
      this.#confirm({ ...this.#registration, standing: 'confirmed' })
    } else if (remedy !== 'registerAnew') this.#fail(reason, 'askAdministrator')
    else if (this.#registration !== null) this.#lost(reason)
    else if (this.#hasClearedOldObjects) this.#fail(reason, 'askAdministrator')
    else this.#clearOldObjects()
  }

  /** Objects of an earlier life belong to an entity that we do not know and that nobody else may register. */
  #clearOldObjects(): void {
    this.#hasClearedOldObjects = true
    const [source] = this.#wanted.targets
    if (source === undefined) return
    const attributes = objectDeregistrationRequest(source.name, this.#wanted)
    this.#request('DevDereg', attributes, false, () => {})
  }

  #deregister(registration: Registration, objects: NetworkEntity): void {
    const { entity } = registration
    const source = entity.targets[0]!.name
    this.#request('DevDereg', objectDeregistrationRequest(source, objects), false, (response) => {
      if (response.status !== STATUS.successful) {
        this.#refused(response, 'askAdministrator')
        return
      }
      const rest: NetworkEntity = {
        targets: entity.targets.filter((target) => !objects.targets.includes(target)),
        portals: entity.portals.filter((portal) => !objects.portals.includes(portal)),
      }
      this.#registration = { ...registration, entity: rest }
      this.#domains.keepQuestions(rest)
    })
  }

  #deregisterAll({ entity, entityIdentifier }: Registration): void {
    const attributes = entityDeregistrationRequest(entity.targets[0]!.name, entityIdentifier)
    this.#request('DevDereg', attributes, false, ({ status }) => {
      const { log } = this.#options
      if (status === STATUS.successful) log.info({}, 'deregistered from the iSNS server')
      else log.warn({ status: statusName(status!) }, 'the iSNS server refused the deregistration')
      this.#forget()
    })
  }

  #ask(question: Question): void {
    const { functionName: name, attributesFor } = INQUIRIES[question.kind]
    this.#request(name, attributesFor(question.target), false, (response) => {
      const meaning = this.#domains.answered(question, response)
      if (meaning === 'refused') this.#refused(response)
      else if (meaning === 'gone') this.#lost('it does not have our registration any more')
    })
  }

  /** Any request but a registration was refused. `otherwise`: what to do when going on without it is possible. */
  #refused({ functionId, status }: IsnsMessage, otherwise: 'goOn' | 'askAdministrator' = 'goOn'): void {
    const remedy = remedyFor(status!)
    const reason = `it refused ${functionName(functionId)} with status ${statusName(status!)}`
    if (remedy === 'registerAnew') this.#lost(reason)
    else if (remedy === 'retry') this.#fail(reason)
    else if (otherwise === 'askAdministrator') this.#fail(reason, otherwise)
    else {
      if (remedy === 'withoutScn') this.#features.scn = false
      this.#options.log.warn({ reason }, 'the iSNS server refused a request')
    }
  }

  /** The server has dropped the registration: close everything and begin anew (RFC 4171 6.3.4). */
  #lost(reason: string): void {
    const { esiIntervalMs, registeredAtMs } = this.#registration!
    const ageMs = this.#options.scheduler.nowMs() - registeredAtMs
    if (this.#features.esi && !this.#hasBeenInquired && ageMs > 2 * esiIntervalMs) {
      this.#features.esi = false
      this.#options.log.warn({}, 'no Entity Status Inquiry of the iSNS server arrived here: registering without them')
    }
    this.#forget()
    this.#fail(reason)
  }

  #forget(): void {
    this.#registration = null
    this.#domains.forgetRegistration()
  }

  #request(
    name: Parameters<Conversation['request']>[0],
    attributes: Parameters<Conversation['request']>[1],
    isReplace: boolean,
    answered: (response: IsnsMessage) => void,
  ): void {
    if (this.#state !== 'leaving') this.#timer?.cancel()
    const handle = (response: IsnsMessage): void => {
      answered(response)
      this.#next()
    }
    this.#conversation!.request(name, attributes, handle, isReplace)
  }

  #notified(message: IsnsMessage): IsnsMessage | null {
    if (this.#state === 'stopped') return null
    const { entityIdentifier = null, entity = this.#wanted } = this.#registration ?? {}
    const targets = entity.targets.map(({ name }) => name)
    const outcome = answerNotification(message, { entityIdentifier, targets })
    if (outcome?.isOurs && outcome.kind === 'esi') this.#hasBeenInquired = true
    if (outcome?.isOurs && outcome.kind === 'scn') this.#refreshSoon()
    return outcome?.answer ?? null
  }

  #refreshSoon(): void {
    this.#domains.hasten()
    // The answer to the notification goes first.
    this.#options.scheduler.defer(() => {
      if (this.#state === 'connected') this.#next()
    })
  }

  #fail(reason: string, remedy: Remedy = 'retry'): void {
    if (this.#state === 'leaving') {
      this.#left()
      return
    }
    const { settings, log } = this.#options
    const growingMs = Math.min(settings.retryDelayMs * 2 ** this.#failures, settings.retryDelayMsMax)
    const delayMs = remedy === 'askAdministrator' ? settings.retryDelayMsMax : growingMs
    this.#failures++
    this.#hasClearedOldObjects = false
    this.#disconnect()
    this.#step('failed')
    log.warn({ reason, retryInSeconds: delayMs / 1000 }, 'the iSNS server is of no use at the moment')
    this.#setTimer(delayMs, () => {
      this.#step('retry')
      this.#connect()
    })
  }

  #disconnect(): void {
    this.#conversation?.close()
    this.#conversation = null
    this.#domains.dropQuestions()
  }

  #left(): void {
    this.#step('left')
    this.#end()
  }

  #end(): void {
    this.#timer?.cancel()
    this.#disconnect()
    this.#stopped()
  }
}
