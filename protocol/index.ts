/**
 * The iSCSI layer as a library: an iSCSI target node over any SCSI layer and any configuration. `ScsiLayer` is what it
 * hands commands to, `TargetDirectory` is what it asks who may see what, and the functions on a `Task` are how the SCSI
 * layer answers.
 */

export { borrowDataIn, sendDataIn } from './connection/data-in.ts'
export { receiveDataOut } from './connection/data-out.ts'
export { dataOutConsumed } from './connection/data-out-memory.ts'
export { completeTask, taskAborted } from './connection/task-lifecycle.ts'
export {
  TASK_ATTRIBUTE,
  TASK_MANAGEMENT_FUNCTION,
  TASK_MANAGEMENT_RESPONSE,
  type TaskManagementFunction,
  type TaskManagementResponse,
} from './constants.ts'
export { IsnsClient } from './isns/client.ts'
export type { IsnsClientOptions, IsnsSettings } from './isns/client-options.ts'
export type { IsnsPortal, IsnsTarget, NetworkEntity } from './isns/network-entity.ts'
export type { ProtocolLimits } from './limits.ts'
export type { LoginPreferences } from './login/login-machine.ts'
export { SESSION_PARAMETER_DEFAULTS } from './login/parameters.ts'
export type { ProtocolLog } from './node-context.ts'
export type {
  NexusHandler,
  NexusIdentity,
  NexusObserver,
  ScsiLayer,
  TaskManagementFunctionExecuted,
  TaskManagementRequest,
} from './scsi-layer.ts'
export type { Task } from './session/task.ts'
export type {
  AuthenticationPolicy,
  ChapCredential,
  ChapInitiator,
  DiscoveredTarget,
  NetworkAddress,
  PortalAddress,
  PortalEndpoint,
  Redirection,
  TargetDescription,
  TargetDirectory,
  TargetLookup,
  TlsPeer,
} from './target-directory.ts'
export { IscsiServer, type IscsiServerOptions } from './transport/iscsi-server.ts'
export { isnsConnector, NotificationListener, type NotificationListenerOptions } from './transport/isns-socket.ts'
export type { TlsIdentity } from './transport/tls-acceptor.ts'
