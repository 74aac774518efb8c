/** The body of Alertmanager's webhook for alerts with these fingerprints. */
export function webhookBody(
  fingerprints: string[],
  status: 'firing' | 'resolved' = 'firing',
  padding = '',
): string {
  return JSON.stringify({
    version: '4',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    status,
    receiver: 'opni_embedded',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://localhost',
    alerts: fingerprints.map((fingerprint) => ({
      status,
      labels: { alertname: fingerprint },
      annotations: padding === '' ? {} : { padding },
      startsAt: '2026-01-01T00:00:00.5Z',
      endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : '2026-01-01T01:00:00Z',
      generatorURL: '',
      fingerprint,
    })),
  });
}
