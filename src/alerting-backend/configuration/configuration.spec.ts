import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withValueAt } from '../../platform/revisioned-config/json-value.js';
import { configurationErrors } from './alerting-documents.js';
import { specOf } from './alerting-configuration.js';
import { BUILT_IN, PRESETS } from './built-in.js';
import { enforceableSpec } from './enforceable.js';

describe('the built-in document', () => {
  it('is valid, and so is every preset', () => {
    for (const document of [BUILT_IN, ...PRESETS.map((preset) => preset.document)]) {
      expect(configurationErrors(document)).toEqual([]);
    }
  });

  it('names the version that is pinned', () => {
    const file = new URL('../../../components/alertmanager/component.json', import.meta.url);
    const component = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    expect(BUILT_IN.version).toBe(component.version);
  });
});

describe('configurationErrors', () => {
  it.each<[string, unknown, string]>([
    ['/version', 'latest', 'pattern'],
    ['/version', '0.29.9', 'unsupported-version'],
    ['/version', undefined, 'required'],
    ['/image/repository', 'x:latest@', 'pattern'],
    ['/image/pullPolicy', 'Sometimes', 'not-allowed'],
    ['/image/pullSecrets', 'name', 'type'],
    ['/image/pullSecrets', ['Upper Case'], 'pattern'],
    ['/controllers/replicas', 0, 'out-of-range'],
    ['/controllers/replicas', 1.5, 'type'],
    ['/workers/replicas', -1, 'out-of-range'],
    ['/workers/resources/limits/memory', '1 GB', 'kubernetes-quantity'],
    ['/workers/resources/limits/memory', 512, 'kubernetes-quantity'],
    ['/workers/resources/limits/disk', '1Gi', 'unknown-field'],
    ['/controllers/resources/requests/memory', '1Ti', 'out-of-range'],
    ['/cluster/gossipInterval', '0s', 'prometheus-duration'],
    ['/cluster/peerTimeout', '15', 'prometheus-duration'],
    ['/cluster/probeTimeout', '2s', 'out-of-range'],
    ['/storage/size', '0', 'kubernetes-quantity'],
    ['/storage/storageClass', '-', 'pattern'],
    ['/notifications/groupInterval/critical', '0s', 'prometheus-duration'],
    ['/notifications/groupWait/info', '1.5m', 'prometheus-duration'],
    ['/notifications/groupWait/fatal', '1m', 'unknown-field'],
    ['/retention', '0s', 'prometheus-duration'],
    ['/retention', '5 days', 'prometheus-duration'],
    ['/logLevel', 'trace', 'not-allowed'],
    ['/cluster', [], 'type'],
    ['/unknown', 1, 'unknown-field'],
  ])('refuses %s = %j', (pointer, value, code) => {
    const found = configurationErrors(withValueAt(BUILT_IN, pointer, value));
    expect(found.map((error) => [error.pointer?.replace(/\/0$/, ''), error.code])).toEqual([[pointer, code]]);
    expect(found[0]?.detail).toMatch(/\w/);
  });

  it.each<[string, unknown]>([
    ['/version', '0.30.0-rc.1'],
    ['/version', '1.0.0'],
    ['/notifications/groupWait/critical', '0s'],
    ['/notifications/groupInterval/critical', '1ms'],
    ['/retention', '1y'],
    ['/storage/storageClass', 'fast'],
    ['/image/repository', 'mirror.example:5000/prometheus/alertmanager'],
    ['/workers/replicas', 0],
    ['/cluster/settleTimeout', '0s'],
  ])('takes %s = %j', (pointer, value) => {
    expect(configurationErrors(withValueAt(BUILT_IN, pointer, value))).toEqual([]);
  });

  it('finds everything at once', () => {
    let document: unknown = BUILT_IN;
    for (const pointer of ['/retention', '/logLevel', '/version', '/storage/size']) {
      document = withValueAt(document, pointer, '?');
    }
    document = withValueAt(document, '/cluster/probeTimeout', '2s');
    expect(configurationErrors(document)).toHaveLength(5);
  });

  it.each([null, [], 'x', 7, {}])('takes %j without falling over', (document) => {
    expect(configurationErrors(document).length).toBeGreaterThan(0);
  });
});

describe('enforceableSpec', () => {
  it('runs the built-in value where the driver cannot do what is wanted, and names only those', () => {
    const wanted = { ...specOf(BUILT_IN), workers: { ...BUILT_IN.workers, replicas: 4 }, retention: '1h' };
    const { spec, notEnforced } = enforceableSpec(wanted, () => [
      { pointer: '/workers/replicas', reason: 'r' },
      { pointer: '/storage/size', reason: 's' },
    ]);
    expect(notEnforced).toEqual([{ pointer: '/workers/replicas', reason: 'r' }]);
    expect(spec).toEqual({ ...specOf(BUILT_IN), retention: '1h' });
  });
});
