/** Hands out the objects of the model for one actor: the only place that knows all their classes. */

import type { Actor } from './configuration-store.ts'
import { IscsiTarget } from './iscsi-target.ts'
import { Lun } from './lun.ts'
import type { Management, Precondition } from './management.ts'
import type { ModelContext } from './model-object.ts'
import { Portal } from './portal.ts'
import { PortalGroup } from './portal-group.ts'
import { Provider } from './provider.ts'
import { SubSystem } from './sub-system.ts'

export function openModel(management: Management, actor: Actor, precondition: Precondition): Provider {
  const context: ModelContext = {
    management,
    actor,
    precondition,
    objects: {
      provider: () => new Provider(context),
      subSystem: (id) => new SubSystem(context, id),
      lun: (id) => new Lun(context, id),
      target: (id) => new IscsiTarget(context, id),
      portalGroup: (id) => new PortalGroup(context, id),
      portal: (id) => new Portal(context, id),
    },
  }
  return context.objects.provider()
}
