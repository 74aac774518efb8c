import { isRecord } from '../http/parse-json.js';

/** One alert of a webhook call. */
export interface DeliveredAlert {
  fingerprint: string;
  status: 'firing' | 'resolved';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** RFC 3339, as Alertmanager wrote it. */
  startsAt: string;
  endsAt: string | null;
}

/** The call is no Alertmanager notification; the message says which field is wrong. */
export class PayloadError extends Error {}

/**
 * Reads the body of Alertmanager's webhook (version 4).
 * @throws PayloadError
 */
export function alertsOf(payload: unknown): DeliveredAlert[] {
  if (!isRecord(payload)) throw new PayloadError('The body must be one JSON object.');
  if (payload['version'] !== '4') throw new PayloadError('"version" must be "4", as Alertmanager sends it.');
  const { alerts } = payload;
  if (!Array.isArray(alerts)) throw new PayloadError('"alerts" must be a list.');
  return alerts.map((alert: unknown, index) => readAlert(alert, `alerts[${index}]`));
}

function readAlert(alert: unknown, place: string): DeliveredAlert {
  if (!isRecord(alert)) throw new PayloadError(`"${place}" must be an object.`);
  const { fingerprint, status, startsAt, endsAt } = alert;
  if (typeof fingerprint !== 'string' || fingerprint === '') {
    throw new PayloadError(`"${place}.fingerprint" must be a non-empty text.`);
  }
  if (status !== 'firing' && status !== 'resolved') {
    throw new PayloadError(`"${place}.status" must be "firing" or "resolved".`);
  }
  if (!isTime(startsAt)) throw new PayloadError(`"${place}.startsAt" must be a time (RFC 3339).`);
  if (endsAt !== undefined && !isTime(endsAt))
    throw new PayloadError(`"${place}.endsAt" must be a time (RFC 3339).`);
  return {
    fingerprint,
    status,
    labels: readTexts(alert['labels'], `${place}.labels`),
    annotations: readTexts(alert['annotations'], `${place}.annotations`),
    startsAt,
    // Go writes its zero time where there is none.
    endsAt: endsAt === undefined || Date.parse(endsAt) <= 0 ? null : endsAt,
  };
}

function readTexts(value: unknown, place: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw new PayloadError(`"${place}" must be an object of texts.`);
  }
  return value as Record<string, string>;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value));
}
