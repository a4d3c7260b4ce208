import { describe, expect, it } from 'vitest'
import { importCycles, layerViolations } from './layer-rules.ts'
import { readSourceFiles, type SourceFile } from './source-files.ts'

const file = (path: string, ...text: string[]): SourceFile => ({ path, text: text.join('\n') })

describe('layers', () => {
  it('are kept by every file', () => {
    expect(layerViolations(readSourceFiles())).toEqual([])
  })

  it.each([
    ['protocol/serial.ts', "import { sense } from '../scsi/sense.ts'", 'scsi/sense.ts'],
    ['protocol/serial.ts', "import net from 'node:net'", 'node:net'],
    ['protocol/transport/socket.ts', "import { createHash } from 'node:crypto'", 'node:crypto'],
    ['protocol/pdu/bhs.ts', "export * from 'pino'", 'pino'],
    ['scsi/sense.ts', "import type { Task } from '../protocol/session/task.ts'", 'protocol/session/task.ts'],
    ['scsi/target.ts', "import 'node:fs'", 'node:fs'],
    ['scsi/target.ts', "const later = import('../src/log.ts')", 'src/log.ts'],
    ['scsi/backing/raw.ts', "import { connect } from 'node:net'", 'node:net'],
    [
      'src/wiring.ts',
      "import { startServer } from '../test/support/server-process.ts'",
      'test/support/server-process.ts',
    ],
    ['src/wiring.ts', "import {\n  a,\n  b,\n} from 'left-pad'", 'left-pad'],
  ])('refuses %s that says %s', (path, text, target) => {
    expect(layerViolations([file(path, text)])).toEqual([`${path} may not import ${target}`])
  })

  it.each([
    ['protocol/transport/socket.ts', "import net from 'node:net'"],
    ['protocol/login/chap.ts', "import { createHash } from 'node:crypto'"],
    ['scsi/backing/raw.ts', "import { fdatasync } from 'node:fs'"],
    ['scsi/sense.ts', "/** Not as import x from 'node:fs' would. */"],
    ['src/bridge.ts', "import { Task } from '../protocol/session/task.ts'"],
    ['test/unit/x.test.ts', "import { run } from '../../bench/main.ts'"],
  ])('lets %s say %s', (path, text) => {
    expect(layerViolations([file(path, text)])).toEqual([])
  })
})

describe('imports', () => {
  it('never go round in circles', () => {
    expect(importCycles(readSourceFiles())).toEqual([])
  })

  it('are found when they do', () => {
    const a = file('scsi/a.ts', "import { b } from './b.ts'")
    expect(importCycles([a, file('scsi/b.ts', "import { a } from './a.ts'")])).toEqual([
      'scsi/a.ts -> scsi/b.ts -> scsi/a.ts',
    ])
    expect(importCycles([a, file('scsi/b.ts', "import type { A } from './a.ts'")])).toEqual([])
  })
})
