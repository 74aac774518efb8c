import { registerDecorator, type ValidationOptions } from 'class-validator';

const RFC_3339 = /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Whether a text is one moment in time: RFC 3339, with its offset, on a day that the month has. */
export function isTimestamp(value: unknown): boolean {
  const day = typeof value === 'string' ? RFC_3339.exec(value)?.[1] : undefined;
  if (typeof value !== 'string' || day === undefined || Number.isNaN(Date.parse(value))) return false;
  // Date.parse takes the 30th of February for the 1st or 2nd of March.
  return new Date(`${value.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(day);
}

/** For DTO fields that hold a time. */
export function IsTimestamp(options?: ValidationOptions): PropertyDecorator {
  return (target, name) =>
    registerDecorator({
      name: 'isTimestamp',
      target: target.constructor,
      propertyName: String(name),
      options: {
        message: 'must be a time of RFC 3339 with its offset, e.g. 2026-01-31T08:00:00Z',
        ...options,
      },
      validator: { validate: isTimestamp },
    });
}
