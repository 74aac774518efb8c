import { describe, expect, it } from 'vitest';
import { readAlertmanagerMetrics } from './alertmanager-metrics.js';

/** Lines of Alertmanager 0.31.1. */
const ALONE = `# TYPE alertmanager_build_info gauge
alertmanager_build_info{branch="",goarch="amd64",goos="linux",goversion="go1.26.8",revision="unknown",tags="netgo",version="0.31.1"} 1
alertmanager_cluster_enabled 0
alertmanager_config_hash 1.84816797860636e+14
process_start_time_seconds 1.79526448275e+09
`;

describe('readAlertmanagerMetrics', () => {
  it('reads version, start and hash', () =>
    expect(readAlertmanagerMetrics(ALONE)).toEqual({
      configHash: 184_816_797_860_636,
      version: '0.31.1',
      startedAt: '2026-11-21T12:34:42.750Z',
      clusterMembers: null,
    }));

  it('counts the members of a cluster', () =>
    expect(readAlertmanagerMetrics(`${ALONE}alertmanager_cluster_members 3\n`).clusterMembers).toBe(3));

  it('takes goversion for no version', () =>
    expect(readAlertmanagerMetrics('alertmanager_build_info{goversion="go1"} 1\n').version).toBeNull());

  it('knows nothing of an empty answer', () =>
    expect(readAlertmanagerMetrics('')).toEqual({
      configHash: null,
      version: null,
      startedAt: null,
      clusterMembers: null,
    }));
});
