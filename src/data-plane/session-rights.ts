/**
 * Whether a session that exists may go on under another configuration: whether its initiator could log in again as it did.
 * Asked by `LiveDataPlane` at every change.
 */

import type { Session } from '../../protocol/session/session.ts'
import { type AuthenticationPolicy, isOpen } from '../../protocol/target-directory.ts'
import type { ObjectId } from '../management/configuration.ts'
import type { AccessRules } from './access-rules.ts'

/** `isServing` says whether the session's nexus, if it has one yet, is to the target of that id as it is served now. */
export function mayStay(
  session: Session,
  rules: AccessRules,
  isServing: (session: Session, targetId: ObjectId) => boolean,
): boolean {
  const { target, initiatorName, chapUser } = session.identity
  if (target === null) return isProven(rules.discoveryAuthentication(initiatorName), chapUser)
  const targetRules = rules.targetNamed(target.name)
  if (targetRules === undefined || !isServing(session, targetRules.record.id)) return false
  for (const { endpoint } of session.connections.values()) {
    const { portalId, remoteAddress } = endpoint
    // A portal that is closed sees its own connections off.
    if (rules.configuration.portals.get(portalId)?.status !== 'online') continue
    if (targetRules.tagOfPortal.get(portalId) !== session.portalGroupTag) return false
    if (!rules.isSameView(targetRules, initiatorName, session.remoteAddress, remoteAddress)) return false
  }
  return isProven(rules.authentication(targetRules, initiatorName), chapUser)
}

/** Whether one who logged in as this user could do so still; null for who had nothing to prove. */
function isProven(policy: AuthenticationPolicy, chapUser: string | null): boolean {
  return isOpen(policy) || (policy.kind === 'chap' && policy.initiators.some(({ user }) => user === chapUser))
}
