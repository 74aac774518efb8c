import { registerDecorator, type ValidationOptions } from 'class-validator';

const FORM = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS: readonly (readonly [string, number])[] = [
  ['y', 365 * DAY],
  ['w', 7 * DAY],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
];
/** Prometheus counts in 64-bit nanoseconds: about 292 years. */
const MAX_MILLISECONDS = 9_223_372_036_854;

export const DURATION_RULE =
  'must be a duration such as 30s, 5m or 1h30m (units y, w, d, h, m, s, ms, largest first)';

/** Milliseconds of a Prometheus duration, `undefined` when the text is none. Text stays what is stored and read back. */
export function parsePrometheusDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = text === '' ? null : FORM.exec(text);
  if (!parts) return undefined;
  const sum = UNITS.reduce((total, [, size], index) => total + Number(parts[index + 1] ?? 0) * size, 0);
  return sum <= MAX_MILLISECONDS ? sum : undefined;
}

/** The shortest exact form: `5400000` is `1h30m`. Years and weeks only stand alone, as Prometheus prints them. */
export function formatPrometheusDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  let rest = milliseconds;
  let text = '';
  for (const [unit, size] of UNITS) {
    const exactOnly = unit === 'y' || unit === 'w';
    if (exactOnly && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** For DTO fields that hold a Prometheus duration as text, within bounds given as durations. */
export function IsPrometheusDuration(
  bounds: { min?: string; max?: string } = {},
  options?: ValidationOptions,
): PropertyDecorator {
  const limit = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : (parsePrometheusDuration(text) ?? otherwise);
  const [low, high] = [limit(bounds.min, 0), limit(bounds.max, MAX_MILLISECONDS)];
  const range = [bounds.min && `at least ${bounds.min}`, bounds.max && `at most ${bounds.max}`].filter(
    Boolean,
  );
  return (target, name) =>
    registerDecorator({
      name: 'isPrometheusDuration',
      target: target.constructor,
      propertyName: String(name),
      constraints: [bounds],
      options: options ?? {},
      validator: {
        validate: (value: unknown): boolean => {
          const parsed = typeof value === 'string' ? parsePrometheusDuration(value) : undefined;
          return parsed !== undefined && parsed >= low && parsed <= high;
        },
        defaultMessage: (): string => [DURATION_RULE, ...range].join(', '),
      },
    });
}
