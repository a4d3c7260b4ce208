/**
 * The guides in docs/: what they call tested is what the scenarios with real hosts run. A code block whose first line
 * says `sh tested` may only hold commands that some scenario runs, names and addresses apart.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from './source-files.ts'

const DOCS = join(ROOT, 'docs')
const GUEST = join(ROOT, 'test/interop/linux-guest')
const TESTED_BLOCK = /^```sh tested\n(.*?)^```$/gms

/** One form for what guides write out and scenarios keep in variables. */
function generalise(text: string): string {
  return text
    .replaceAll(/["'`]/g, '')
    .replaceAll(/iqn\.2026-11\.internal\.lunette:0123456789ab|\$\{?(server\.targetName|TARGET)\}?/g, 'TARGET')
    .replaceAll('$SECRET', 'SECRET')
    .replaceAll(/\/dev\/s(db|r0)|\$device/g, 'DEVICE')
    .replaceAll(/\/srv\/data|\/mnt\/(\$type|xfs)/g, 'MOUNT_POINT')
    .replaceAll(/mpatha|\$map\b/g, 'MAP')
    .replaceAll(/192\.168\.[12]\.5:3260|(10\.0\.2\.2|\$address|\$1):\$PORT|\$\{portal[12]?\}/g, 'PORTAL')
    .replaceAll(/iscsi:\/\/\S+?\/0(?=\s|$)|\$\{url\}|\$\{?server\.url\(0\)\}?/g, 'URL')
}

function commandsOf(guide: string): string[] {
  return [...guide.matchAll(TESTED_BLOCK)].flatMap(([, block]) =>
    block!
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#')),
  )
}

function scenarioTexts(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|sh)$/.test(name))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
}

function untested(commands: readonly string[], texts: readonly string[]): string[] {
  const known = texts.map(generalise)
  return commands.filter((command) => !known.some((text) => text.includes(generalise(command))))
}

describe('guides', () => {
  const guides = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))

  it.each(guides)('%s calls only commands tested that a scenario runs', (name) => {
    const guide = readFileSync(join(DOCS, name), 'utf8')
    expect(untested(commandsOf(guide), scenarioTexts(GUEST))).toEqual([])
  })

  it('has tested commands', () => {
    const commands = guides.flatMap((name) => commandsOf(readFileSync(join(DOCS, name), 'utf8')))
    expect(commands.length).toBeGreaterThan(5)
  })

  it('that name a command which no scenario runs are found', () => {
    const guide = '```sh tested\niscsiadm -m node -T iqn.2026-11.internal.lunette:0123456789ab --frobnicate\n```\n'
    expect(untested(commandsOf(guide), ['iscsiadm -m node -T "$TARGET" --login'])).toHaveLength(1)
    expect(untested(commandsOf(guide), ['iscsiadm -m node -T "$TARGET" --frobnicate'])).toEqual([])
  })
})
