/**
 * What all objects of the model have in common: they are thin handles, an id and who uses it, over the configuration in force.
 * A handle stays when its object goes, and then every method is VDS_E_OBJECT_DELETED. Reading is free of waiting, because a
 * configuration never changes once it is there; so no query is ever VDS_E_ANOTHER_CALL_IN_PROGRESS.
 */

import type { Async, AsyncOutput } from './async.ts'
import type { Configuration, ObjectId } from './configuration.ts'
import type { Actor, AuditArguments, LunFile } from './configuration-store.ts'
import { type SuccessName, VdsError } from './hresult.ts'
import type { IscsiTarget } from './iscsi-target.ts'
import type { Lun } from './lun.ts'
import type { Call, Committed, Management, Precondition, Work } from './management.ts'
import type { Portal } from './portal.ts'
import type { PortalGroup } from './portal-group.ts'
import type { Provider } from './provider.ts'
import type { SubSystem } from './sub-system.ts'
import type { AsyncOutputType } from './vds-types.ts'

export interface ModelContext {
  readonly management: Management
  readonly actor: Actor
  readonly precondition: Precondition
  readonly objects: ModelObjects
}

/** Handles for the same actor; nobody looks whether there is such an object. */
export interface ModelObjects {
  provider(): Provider
  subSystem(id: ObjectId): SubSystem
  lun(id: ObjectId): Lun
  target(id: ObjectId): IscsiTarget
  portalGroup(id: ObjectId): PortalGroup
  portal(id: ObjectId): Portal
}

export abstract class ModelObject<R> {
  readonly id: ObjectId
  protected readonly context: ModelContext
  /** As documents call the interface, such as `IscsiTarget`. */
  protected abstract readonly kind: string

  constructor(context: ModelContext, id: ObjectId) {
    this.context = context
    this.id = id
  }

  protected abstract find(configuration: Configuration): R | null

  protected get management(): Management {
    return this.context.management
  }

  /** The configuration in force and this object in it. Errors: VDS_E_OBJECT_DELETED and those of the provider. */
  protected read(method: string): { readonly configuration: Configuration; readonly record: R } {
    return this.named(method, () => {
      const configuration = this.management.read()
      return { configuration, record: this.recordIn(configuration) }
    })
  }

  protected recordIn(configuration: Configuration): R {
    const record = this.find(configuration)
    if (record === null) throw new VdsError('VDS_E_OBJECT_DELETED', `the ${this.kind} ${this.id} has been deleted`)
    return record
  }

  /** Run a query, whose failures are then this method's. */
  protected named<T>(method: string, run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw error instanceof VdsError ? error.of(`${this.kind}.${method}`) : error
    }
  }

  protected call(method: string, given: AuditArguments = {}): Call {
    const { actor, precondition } = this.context
    return { actor, method: `${this.kind}.${method}`, objectId: this.id, arguments: given, precondition }
  }

  /** A synchronous method: done when it is served. */
  protected async change(method: string, given: AuditArguments, work: Work<unknown>): Promise<SuccessName> {
    return (await this.management.change(this.call(method, given), this.onThis(work))).hresult
  }

  /** An asynchronous method: committed when it returns its `Async`, which is done when it is served. */
  protected async changeAsync<I, T extends AsyncOutput | null>(
    outputType: AsyncOutputType,
    method: string,
    given: AuditArguments,
    work: Work<I>,
    output: (result: I) => T,
  ): Promise<Async<T>> {
    const call = this.call(method, given)
    const { result, hresult, applied } = await this.management.commit(call, this.onThis(work))
    return this.management.begin(call, outputType, hresult, async (progress) => {
      progress.passCommitPoint()
      await applied
      return output(result)
    })
  }

  protected commit<T>(
    method: string,
    given: AuditArguments,
    work: Work<T>,
    doomedFiles?: (before: Configuration) => readonly LunFile[],
  ): Promise<Committed<T>> {
    return this.management.commit(this.call(method, given), this.onThis(work), doomedFiles)
  }

  /** First of all, there has to be something to work on. */
  protected onThis<T>(work: Work<T>): Work<T> {
    return (configuration, rules) => {
      this.recordIn(configuration)
      return work(configuration, rules)
    }
  }
}

/** A method that VDS has for other arrays. */
export function notSupported(method: string, why: string): VdsError {
  return new VdsError('VDS_E_NOT_SUPPORTED', why, { method })
}
