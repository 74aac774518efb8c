import { describe, expect, it } from 'vitest';
import { alertsOf } from './webhook-payload.js';

const alert = {
  status: 'firing',
  labels: { alertname: 'x' },
  annotations: {},
  startsAt: '2026-11-21T10:00:00.123456789Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: '',
  fingerprint: 'abc',
};

describe('alertsOf', () => {
  it('reads an alert; no end is null', () => {
    expect(alertsOf({ version: '4', alerts: [alert] })).toEqual([
      {
        status: 'firing',
        labels: { alertname: 'x' },
        annotations: {},
        startsAt: alert.startsAt,
        endsAt: null,
        fingerprint: 'abc',
      },
    ]);
  });

  it.each([
    [null, 'object'],
    [{ version: '3', alerts: [] }, '"version"'],
    [{ version: '4' }, '"alerts"'],
    [{ version: '4', alerts: [null] }, 'alerts[0]'],
    [{ version: '4', alerts: [{ ...alert, fingerprint: '' }] }, 'alerts[0].fingerprint'],
    [{ version: '4', alerts: [{ ...alert, status: 'burning' }] }, 'alerts[0].status'],
    [{ version: '4', alerts: [{ ...alert, startsAt: 'yesterday' }] }, 'alerts[0].startsAt'],
    [{ version: '4', alerts: [alert, { ...alert, labels: { a: 1 } }] }, 'alerts[1].labels'],
  ])('names the wrong field (%#)', (payload, words) => expect(() => alertsOf(payload)).toThrow(words));
});
