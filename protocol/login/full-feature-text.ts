/**
 * Text negotiation in full feature phase (RFC 7143 6.4, 11.10, Appendix C): redeclaring MaxRecvDataSegmentLength,
 * SendTargets, and a proper answer to everything else. One object per Text Request sequence (one Initiator Task Tag);
 * the Text Request handler joins C-bit texts, cuts answers into PDUs, and puts `declared` into effect when the
 * sequence has ended, so that a sequence that fails changes nothing.
 */

import { answerSendTargets, type DiscoveringSession } from '../discovery/send-targets.ts'
import { looksLikeName } from '../names.ts'
import type { TargetDirectory } from '../target-directory.ts'
import { findAnswerOnlyValue, findMisuse } from './key-rules.ts'
import { KEY_TABLE } from './key-table.ts'
import { encodeText, parseNumericalValue, parseText, quote, type TextPair } from './text.ts'

export type TextAnswer =
  | { readonly kind: 'answer'; readonly text: Buffer }
  /** To be answered with a Reject PDU, reason Protocol Error. */
  | { readonly kind: 'protocolError'; readonly reason: string }

/** What the initiator declared in a sequence. */
export interface TextDeclarations {
  readonly initiatorMaxRecvDataSegmentLength?: number
  readonly initiatorAlias?: string
}

export interface FullFeatureText {
  /** Answer one complete text of the sequence. Total. */
  step(text: Buffer): TextAnswer
  /** Everything declared so far, in effect from the end of the sequence. */
  declared(): TextDeclarations
}

/**
 * A key that begins like this can only be SendTargets misspelt, and the command is refused as a whole: libiscsi waits for
 * ever when it is told NotUnderstood instead, which any other unknown key gets.
 */
const LIKE_SEND_TARGETS = /^SendTargets/i

/** The protocol error in a SendTargets command (RFC 7143 appendix C), as a sentence; null when there is none. */
function findSendTargetsMisuse({ key, value }: TextPair): string | null {
  if (!LIKE_SEND_TARGETS.test(key)) return null
  if (key !== 'SendTargets') return `${quote(key)} is not a key, SendTargets is`
  if (value === 'All' || value === '' || looksLikeName(value)) return null
  return `SendTargets is ${quote(value)}, allowed is All, the name of a target, or nothing`
}

/** A text negotiation for one sequence on a connection of `session`, which may have up to `keysMax` keys. */
export function createFullFeatureText(
  session: DiscoveringSession,
  directory: TargetDirectory,
  keysMax: number,
): FullFeatureText {
  const keysSeen = new Set<string>()
  let declared: TextDeclarations = {}

  function findKeyMisuse(pairs: readonly TextPair[]): string | null {
    for (const pair of pairs) {
      if (keysSeen.has(pair.key)) return `${pair.key} is sent a second time in one text sequence`
      keysSeen.add(pair.key)
      if (keysSeen.size > keysMax) return `a text sequence has at most ${keysMax} keys`
      const row = KEY_TABLE.get(pair.key)
      const misuse =
        findAnswerOnlyValue(pair) ??
        findSendTargetsMisuse(pair) ??
        (row && findMisuse(row, pair, { kind: 'fullFeature' }))
      if (misuse != null) return misuse
    }
    const isSendTargets = keysSeen.has('SendTargets')
    if (isSendTargets && keysSeen.size > 1) return 'SendTargets is not the only key of its text sequence'
    if (session.sessionType === 'Discovery' && !isSendTargets) return 'a discovery session may only send SendTargets'
    return null
  }

  function answerPair({ key, value }: TextPair): readonly TextPair[] {
    if (!KEY_TABLE.has(key)) return [{ key, value: 'NotUnderstood' }]
    if (key === 'MaxRecvDataSegmentLength') {
      declared = { ...declared, initiatorMaxRecvDataSegmentLength: parseNumericalValue(value)! }
    } else if (key === 'InitiatorAlias') {
      declared = { ...declared, initiatorAlias: value }
    }
    return []
  }

  return {
    step(text) {
      const pairs = parseText(text)
      if ('problem' in pairs) return { kind: 'protocolError', reason: `text: ${pairs.problem}` }
      const misuse = findKeyMisuse(pairs)
      if (misuse !== null) return { kind: 'protocolError', reason: misuse }
      const request = pairs.find(({ key }) => key === 'SendTargets')
      if (request === undefined) return { kind: 'answer', text: encodeText(pairs.flatMap(answerPair)) }
      return { kind: 'answer', text: answerSendTargets(request.value, session, directory) }
    },
    declared: () => declared,
  }
}
