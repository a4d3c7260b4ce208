/**
 * What the client asks its iSNS server about discovery domains (RFC 4171 2.2.2, 5.6.5): which initiators share one with
 * each target, whether the server still has our registration, and to be told of changes. Decides which question is next,
 * when to ask them all again, and what an answer means; the client asks them, when it has nothing to register.
 *
 * The questions are made anew at each refresh, so what waits is bounded. What was heard about a target stays until the
 * server says something else or the target is gone.
 */

import type { Attribute } from './attributes.ts'
import type { IsnsClientOptions } from './client-options.ts'
import type { FunctionName } from './functions.ts'
import type { IsnsMessage } from './message.ts'
import type { NetworkEntity } from './network-entity.ts'
import { hasFound, initiatorsIn, initiatorsQuery, scnRegistrationRequest, selfQuery } from './requests.ts'
import { STATUS } from './status-codes.ts'

/** A question about one target that the next free moment is for. */
export interface Question {
  readonly kind: 'notifications' | 'self' | 'initiators'
  readonly target: string
}

/** The request that asks a question. */
interface Inquiry {
  readonly functionName: FunctionName
  readonly attributesFor: (target: string) => readonly Attribute[]
}

export const INQUIRIES: Readonly<Record<Question['kind'], Inquiry>> = {
  notifications: { functionName: 'SCNReg', attributesFor: scnRegistrationRequest },
  self: { functionName: 'DevAttrQry', attributesFor: selfQuery },
  initiators: { functionName: 'DevAttrQry', attributesFor: initiatorsQuery },
}

/** What an answer came to. `refused`: by its status; `gone`: the server does not have our registration any more. */
export type AnswerMeaning = 'understood' | 'refused' | 'gone'

/** What is asked about: the targets that the server has, and how long it keeps them. */
export interface AskedAbout {
  readonly entity: NetworkEntity
  readonly periodMs: number
}

type DiscoveryOptions = Pick<IsnsClientOptions, 'scheduler' | 'settings' | 'asksForInitiators'>

export class DiscoveryDomains {
  readonly #options: DiscoveryOptions
  readonly #initiators = new Map<string, ReadonlySet<string>>()
  #wantedTargets: ReadonlySet<string> = new Set()
  #questions: Question[] = []
  #refreshDueAtMs = 0
  #refreshedAtMs = 0
  /** The server shows a target to itself, so that an answer without it means that it is gone. */
  #hasSeenItself = false

  constructor(options: DiscoveryOptions) {
    this.#options = options
  }

  /** The initiators that share a discovery domain with `target`, as last heard; null when nothing was heard yet. */
  initiatorsOf(target: string): ReadonlySet<string> | null {
    return this.#initiators.get(target) ?? null
  }

  /** From now on only what is heard about these targets counts. */
  setTargets({ targets }: NetworkEntity): void {
    this.#wantedTargets = new Set(targets.map(({ name }) => name))
    for (const name of this.#initiators.keys()) {
      if (!this.#wantedTargets.has(name)) this.#initiators.delete(name)
    }
  }

  /** The server has confirmed the registration of `entity`: everything is asked at once. */
  begin({ targets }: NetworkEntity, canBeNotified: boolean): void {
    this.#questions = canBeNotified ? targets.map(({ name }) => ({ kind: 'notifications', target: name })) : []
    this.#refreshDueAtMs = this.#nowMs()
  }

  /** The next question, the first of a refresh when one is due; undefined when there is none for now. */
  next(registration: AskedAbout | null): Question | undefined {
    return this.#questions.shift() ?? this.#refresh(registration)
  }

  /** How long there is nothing to ask. */
  get restMs(): number {
    return Math.max(0, this.#refreshDueAtMs - this.#nowMs())
  }

  /** There is nothing to ask about: look again when a refresh would be due. */
  postpone(): void {
    this.#refreshDueAtMs = this.#nowMs() + this.#options.settings.refreshMs
  }

  /** Something has changed at the server: refresh as soon as may be. Many notifications make one refresh. */
  hasten(): void {
    const earliestMs = this.#refreshedAtMs + this.#options.settings.refreshMsMin
    this.#refreshDueAtMs = Math.min(this.#refreshDueAtMs, Math.max(earliestMs, this.#nowMs()))
  }

  /** The server has these targets left: about others there is nothing to ask. */
  keepQuestions({ targets }: NetworkEntity): void {
    this.#questions = this.#questions.filter(({ target }) => targets.some(({ name }) => name === target))
  }

  /** Nobody is there to be asked; the next refresh asks anew. */
  dropQuestions(): void {
    this.#questions = []
  }

  /** The registration is gone, and with it how the server treats it. */
  forgetRegistration(): void {
    this.dropQuestions()
    this.#hasSeenItself = false
  }

  /** Take in the answer to a question. Some servers have a status for an empty one. */
  answered({ kind, target }: Question, response: IsnsMessage): AnswerMeaning {
    const isEmpty = response.status === STATUS.noSuchEntry && kind !== 'notifications'
    if (response.status !== STATUS.successful && !isEmpty) return 'refused'
    if (kind === 'self') return this.#selfAnswered(response, target)
    // When it is empty, nobody shares a domain with the target any more.
    if (kind === 'initiators' && this.#wantedTargets.has(target)) {
      this.#initiators.set(target, isEmpty ? new Set() : initiatorsIn(response))
    }
    return 'understood'
  }

  /** A node without a discovery domain may not see even itself, which is no sign that it is gone. */
  #selfAnswered(response: IsnsMessage, target: string): AnswerMeaning {
    const isSeen = hasFound(response, target)
    if (!isSeen && this.#hasSeenItself) return 'gone'
    this.#hasSeenItself ||= isSeen
    return 'understood'
  }

  #refresh(registration: AskedAbout | null): Question | undefined {
    const nowMs = this.#nowMs()
    if (registration === null || nowMs < this.#refreshDueAtMs) return undefined
    const names = registration.entity.targets.map(({ name }) => name)
    this.#questions = names.slice(0, 1).map((target) => ({ kind: 'self', target }))
    if (this.#options.asksForInitiators) {
      this.#questions.push(...names.map((target) => ({ kind: 'initiators' as const, target })))
    }
    this.#refreshedAtMs = nowMs
    this.#refreshDueAtMs = nowMs + Math.min(this.#options.settings.refreshMs, registration.periodMs / 3)
    return this.#questions.shift()
  }

  #nowMs(): number {
    return this.#options.scheduler.nowMs()
  }
}
