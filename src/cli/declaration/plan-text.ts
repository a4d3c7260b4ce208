/** A plan for people: each object that would change, and how. */

import type { PlannedChange, PlannedProperty } from '../../management/declaration/plan.ts'
import { formatSize } from '../../size.ts'
import { printable } from '../output.ts'

const SIGNS = { create: '+', change: '~', delete: '-' } as const

/** Ends in a new line. */
export function formatPlan(changes: readonly PlannedChange[]): string {
  if (changes.length === 0) return 'Nothing differs.\n'
  const count = (action: PlannedChange['action']) => changes.filter((change) => change.action === action).length
  const sum = `${count('create')} to create, ${count('change')} to change, ${count('delete')} to delete.`
  return `${changes.map(formatChange).join('\n')}\n\n${sum}\n`
}

function formatChange({ action, kind, name, properties }: PlannedChange): string {
  const rows = action === 'delete' ? [] : properties.map((property) => `    ${formatProperty(action, property)}`)
  const loss = action === 'delete' && kind === 'lun' ? ', with what the array stored in it' : ''
  return [printable(`${SIGNS[action]} ${action} ${kind} ${name}${loss}`), ...rows].join('\n')
}

function formatProperty(action: PlannedChange['action'], { name, before, after }: PlannedProperty): string {
  const text = (value: string | null) =>
    name === 'size' && value !== null ? formatSize(Number(value)) : (value ?? 'none')
  const value = action === 'create' ? text(after) : `${text(before)} -> ${text(after)}`
  return printable(`${name}: ${value}`)
}
