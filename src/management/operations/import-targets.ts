/**
 * The import target of each computer: the one that LUNs made for it from shadow copies get associated with
 * (IVdsSubSystemImportTarget). At most one for each computer; it is named by its iSCSI name.
 */

import { prepareName } from '../../../protocol/names.ts'
import type { Configuration, ObjectId } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import { type Change, changed, invalidArgument, notFound, withEntry, withoutEntry } from './change.ts'
import { findTargetByName } from './targets.ts'

const GUID = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/i
const GUID_NULL = '00000000-0000-0000-0000-000000000000'
/** The longest name of a host in DNS (RFC 1035 2.3.4). */
const HOST_BYTES_MAX = 253

/** The iSCSI name. Errors: VDS_E_NO_IMPORT_TARGET when that computer has none. */
export function importTargetOf(configuration: Configuration, host: string): string {
  const id = configuration.importTargets.get(prepareHostName(host))
  const target = id === undefined ? undefined : configuration.targets.get(id)
  if (target !== undefined) return target.iscsiName
  throw new VdsError('VDS_E_NO_IMPORT_TARGET', `no import target is set for the computer ${host}`)
}

/**
 * Set the import target of `host` by its name, or clear it with null, an empty text or GUID_NULL. Documents of VDS call the
 * value an object id as well, so the GUID of a target is taken for its name.
 * Errors: E_INVALIDARG for what is no name, VDS_E_OBJECT_NOT_FOUND for a target that is not here.
 */
export function setImportTarget(configuration: Configuration, host: string, given: string | null): Change {
  const key = prepareHostName(host)
  const text = given?.trim() ?? ''
  const guid = GUID.exec(text)?.[1]?.toLowerCase()
  if (text === '' || guid === GUID_NULL) {
    const importTargets = withoutEntry(configuration.importTargets, key)
    return changed(importTargets === configuration.importTargets ? configuration : { ...configuration, importTargets })
  }
  const id = guid ?? targetIdByName(configuration, text)
  if (!configuration.targets.has(id)) throw notFound('target', id)
  return changed({ ...configuration, importTargets: withEntry(configuration.importTargets, key, id) })
}

function targetIdByName(configuration: Configuration, text: string): ObjectId {
  const name = prepareName(text)
  if (typeof name !== 'string') throw invalidArgument(`the target name ${JSON.stringify(text)}: ${name.problem}`)
  const target = findTargetByName(configuration, name)
  if (target === null) throw notFound('target', name)
  return target.id
}

function prepareHostName(host: string): string {
  const name = host.trim().toLowerCase()
  if (name !== '' && Buffer.byteLength(name) <= HOST_BYTES_MAX && !/[\p{Cc}\s/]/u.test(name)) return name
  throw invalidArgument(`the name of a computer has 1 to ${HOST_BYTES_MAX} bytes, without spaces and slashes`)
}
