import { registerDecorator, type ValidationOptions } from 'class-validator';

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const MAX_LABELS = 64;

function isKey(key: string): boolean {
  const slash = key.indexOf('/');
  return slash === -1 ? NAME.test(key) : PREFIX.test(key.slice(0, slash)) && NAME.test(key.slice(slash + 1));
}

/** Labels in the syntax of Kubernetes, so that every one of them can be selected. */
export function areLabels(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_LABELS &&
    entries.every(([key, text]) => isKey(key) && typeof text === 'string' && VALUE.test(text))
  );
}

/** For DTO fields that `?labelSelector=` reads. */
export function IsLabels(options?: ValidationOptions): PropertyDecorator {
  return (target, name) =>
    registerDecorator({
      name: 'isLabels',
      target: target.constructor,
      propertyName: String(name),
      options: {
        message: `must hold at most ${MAX_LABELS} labels in the syntax of Kubernetes: keys and values of at most 63 letters, digits, ".", "_" and "-"`,
        ...options,
      },
      validator: { validate: areLabels },
    });
}
