import { describe, expect, it } from 'vitest'
import { ClassLatencies, LatencyHistogram } from '../../../../scsi/command-latencies.ts'
import { LogicalUnitStatistics } from '../../../../scsi/logical-unit-statistics.ts'
import { SENSE_KEY } from '../../../../scsi/sense-codes.ts'
import { OBJECTS_WITH_LATENCY_MAX } from '../../../../src/api/latency-samples.ts'
import type { LogicalUnitMetrics, MetricsSource } from '../../../../src/api/metrics-source.ts'
import { SOON, startApiFixture } from '../../../support/api-fixture.ts'
import { fakeSession } from '../../../support/fake-data-plane.ts'

const INITIATOR = 'iqn.2026-01.org.example:host'
const LINE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/

/** Samples by name and labels, as `name{label="value",...}`. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, name, labels = '', value] = LINE.exec(line) ?? []
      if (name === undefined) throw new Error(`not a sample: ${line}`)
      return [`${name}{${labels}}`, Number(value)]
    }),
  )
}

function busyUnit(id: string, latencyUs: number): LogicalUnitMetrics {
  const statistics = new LogicalUnitStatistics()
  statistics.readCommands = 5
  statistics.readBytes = 4096
  const counts = statistics.commandsByOperationCode as number[]
  counts[0x88] = 5
  counts[0x9e] = 1
  const errors = statistics.errorsBySenseKey as number[]
  errors[SENSE_KEY.MEDIUM_ERROR] = 2
  statistics.latencies.read.add(latencyUs)
  const ofRead16 = new LatencyHistogram()
  ofRead16.add(latencyUs)
  statistics.latencies.byOperationCode.set(0x88, ofRead16)
  return { id, statistics, queueDepth: 3 }
}

const TARGET_NAME = 'iqn.2026-01.test:disk'

/** One target, whose writes took as long as what was timed of the first unit. */
function sourceOf(units: readonly LogicalUnitMetrics[]): MetricsSource {
  const latencies = new ClassLatencies()
  latencies.write.add(60)
  return { logicalUnits: () => units, targets: () => [{ iscsiName: TARGET_NAME, latencies }] }
}

describe('/metrics', () => {
  it('is in the format of Prometheus, each family described once', async () => {
    await using api = await startApiFixture({ source: sourceOf([busyUnit('a', 60)]) })
    const { headers, body } = await api.call('GET', '//metrics', { role: 'viewer' })
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const named = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!)
    expect(new Set(named).size).toBe(named.length)
    expect([...body.matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name!)).toEqual(named)
    for (const name of samplesOf(body).keys()) {
      expect(named.some((family) => name.startsWith(family))).toBe(true)
    }
    expect(samplesOf(body).get(`lunette_build_info{version="1.2.3",node="${process.versions.node}"}`)).toBe(1)
    expect(samplesOf(body).get('process_resident_memory_bytes{}')).toBeGreaterThan(0)
    expect(samplesOf(body).get('lunette_event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0)
  })

  it('counts commands, bytes, errors, depths and latencies of each LUN', async () => {
    await using api = await startApiFixture({ source: sourceOf([busyUnit('a', 60), busyUnit('b', 60)]) })
    const samples = samplesOf((await api.call('GET', '//metrics')).body)
    const read = 'lun="a",operation="read"'
    expect(samples.get(`lunette_lun_commands_total{${read}}`)).toBe(5)
    expect(samples.get(`lunette_lun_bytes_total{${read}}`)).toBe(4096)
    expect(samples.get('lunette_lun_errors_total{lun="a",sense_key="medium_error"}')).toBe(2)
    expect(samples.get('lunette_lun_queue_depth{lun="a"}')).toBe(3)
    expect(samples.get('lunette_scsi_commands_total{operation_code="0x88",command="READ (16)"}')).toBe(10)
    expect(samples.get('lunette_scsi_commands_total{operation_code="0x9e",command="0x9e"}')).toBe(2)
    const bucket = (le: string) => samples.get(`lunette_lun_command_duration_seconds_bucket{${read},le="${le}"}`)
    expect([bucket('0.00005'), bucket('0.0001'), bucket('+Inf')]).toEqual([0, 1, 1])
    expect(samples.get(`lunette_lun_command_duration_seconds_count{${read}}`)).toBe(1)
    expect(samples.get(`lunette_lun_command_duration_seconds_sum{${read}}`)).toBeCloseTo(60e-6)
    const read16 = 'operation_code="0x88",command="READ (16)"'
    expect(samples.get(`lunette_scsi_command_duration_seconds_count{${read16}}`)).toBe(2)
    const write = `target="${TARGET_NAME}",operation="write"`
    expect(samples.get(`lunette_target_command_duration_seconds_count{${write}}`)).toBe(1)
    expect(samples.get(`lunette_target_command_duration_seconds_sum{${write}}`)).toBeCloseTo(60e-6)
  })

  it('has histograms of so many LUNs and of all others together', async () => {
    const units = [...Array(OBJECTS_WITH_LATENCY_MAX + 3).keys()].map((index) => busyUnit(`lun-${index}`, 60))
    await using api = await startApiFixture({ source: sourceOf(units) })
    const samples = samplesOf((await api.call('GET', '//metrics')).body)
    const counts = [...samples.keys()].filter((name) => name.startsWith('lunette_lun_command_duration_seconds_count'))
    expect(counts).toHaveLength(OBJECTS_WITH_LATENCY_MAX + 1)
    expect(samples.get('lunette_lun_command_duration_seconds_count{lun="other",operation="read"}')).toBe(3)
  })

  it('counts sessions, refusals and what went through a target, also of sessions that ended', async () => {
    await using api = await startApiFixture()
    const { output: target } = await api.done(201, 'POST', '/targets', { body: {}, headers: SOON })
    const counters = { readCommands: 7, readBytes: 70, writeCommands: 2, writtenBytes: 20 }
    const [ended, running] = ['1', '2'].map((id) => ({ ...fakeSession(id, INITIATOR, target.id), counters }))
    api.dataPlane.emit({ kind: 'sessionBegan', session: ended! })
    api.dataPlane.emit({ kind: 'sessionBegan', session: running! })
    api.dataPlane.emit({ kind: 'sessionEnded', session: ended! })
    api.dataPlane.sessionList = [running!]
    const at = new Date(0)
    const refusal = { at, initiatorName: null, targetName: null, remoteAddress: '', status: 0x0201, reason: '' }
    api.dataPlane.emit({ kind: 'loginRefused', refusal })
    const samples = samplesOf((await api.call('GET', '//metrics')).body)
    const name = `target="${target.iscsiName}"`
    expect(samples.get(`lunette_sessions{${name}}`)).toBe(1)
    expect(samples.get('lunette_sessions_begun_total{}')).toBe(2)
    expect(samples.get('lunette_login_refusals_total{status="0x0201"}')).toBe(1)
    expect(samples.get(`lunette_target_commands_total{${name},operation="read"}`)).toBe(14)
    expect(samples.get(`lunette_target_bytes_total{${name},operation="write"}`)).toBe(40)
  })

  it('tells which LUNs and portals are up', async () => {
    await using api = await startApiFixture()
    const { output: lun } = await api.done(201, 'POST', '/luns', { body: { sizeBytes: 4096 }, headers: SOON })
    const portal = await api.done(201, 'POST', '/portals', { body: { host: '127.0.0.1', port: 0 } })
    api.dataPlane.failures.set(portal.id, 'taken')
    const samples = samplesOf((await api.call('GET', '//metrics')).body)
    expect(samples.get(`lunette_lun_up{lun="${lun.id}",name=""}`)).toBe(1)
    expect(samples.get(`lunette_lun_size_bytes{lun="${lun.id}"}`)).toBe(4096)
    expect(samples.get(`lunette_portal_up{portal="${portal.id}"}`)).toBe(0)
  })
})

describe('/healthz and /readyz', () => {
  it('need no token and tell no details', async () => {
    await using api = await startApiFixture()
    expect(await api.done(200, 'GET', '//healthz', { role: null })).toEqual({ status: 'ok', failing: [] })
    expect(await api.done(200, 'GET', '//readyz', { role: null })).toEqual({ status: 'ok', failing: [] })
    const portal = await api.done(201, 'POST', '/portals', { body: { host: '127.0.0.1', port: 0 } })
    api.dataPlane.failures.set(portal.id, 'another program has it')
    expect(await api.done(503, 'GET', '//readyz', { role: null })).toEqual({ status: 'notReady', failing: ['portals'] })
    expect(await api.done(200, 'GET', '//healthz', { role: null })).toEqual({ status: 'ok', failing: [] })
  })

  it('say when the store does not agree with memory', async () => {
    await using api = await startApiFixture()
    Object.assign(api.store, { agreesWith: () => false })
    expect(await api.done(503, 'GET', '//readyz', { role: null })).toEqual({ status: 'notReady', failing: ['store'] })
    expect(await api.done(503, 'GET', '/luns')).toMatchObject({ name: 'VDS_E_PROVIDER_CACHE_CORRUPT' })
  })
})
