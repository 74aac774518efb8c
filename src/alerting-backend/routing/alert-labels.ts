import { registerDecorator, type ValidationOptions } from 'class-validator';
import { RESERVED_LABEL_PREFIX } from './routing-compiler.js';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/;
const MAX_LABELS = 64;
const MAX_VALUE_LENGTH = 4_096;

/** Names in the classic form of Prometheus, none of them ours. */
export function areAlertLabels(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_LABELS &&
    entries.every(
      ([name, text]: [string, unknown]) =>
        LABEL_NAME.test(name) &&
        !isReservedLabel(name) &&
        typeof text === 'string' &&
        text.length <= MAX_VALUE_LENGTH,
    )
  );
}

/** Whether a client may not set it. */
export function isReservedLabel(name: string): boolean {
  return name.startsWith(RESERVED_LABEL_PREFIX);
}

/** For labels of alerts that a client posts. */
export function IsAlertLabels(options?: ValidationOptions): PropertyDecorator {
  return (target, name) =>
    registerDecorator({
      name: 'isAlertLabels',
      target: target.constructor,
      propertyName: String(name),
      options: {
        message: `must hold at most ${MAX_LABELS} texts under names of letters, digits and "_" that do not start with "${RESERVED_LABEL_PREFIX}"`,
        ...options,
      },
      validator: { validate: areAlertLabels },
    });
}
