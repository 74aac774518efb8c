import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';

/**
 * How a value is read. In the environment a list is separated by commas (empty: none). A relative path is relative to the
 * file that holds it, or to the working directory when it comes from the environment.
 */
export type SettingKind = 'text' | 'path' | 'list' | 'boolean';

/** One leaf of the settings tree. */
export interface SettingDefinition {
  /** As in the file, e.g. `auth.mode`. */
  path: string;
  /** As in the environment, e.g. `OPNI_AUTH_MODE`. */
  variable: string;
  kind: SettingKind;
}

const leaves = new WeakMap<object, Map<string, SettingKind>>();
const groups = new WeakMap<object, Map<string, new () => object>>();

function register<T>(store: WeakMap<object, Map<string, T>>, target: object, name: string, value: T): void {
  const entries = store.get(target) ?? new Map<string, T>();
  entries.set(name, value);
  store.set(target, entries);
}

/** Marks a property as a setting that the file and the environment may set. */
export function Setting(kind: SettingKind = 'text'): PropertyDecorator {
  return (target, name) => register(leaves, target, String(name), kind);
}

/** Marks a property as a group of settings. */
export function SettingGroup(type: new () => object): PropertyDecorator {
  return (target, name) => {
    register(groups, target, String(name), type);
    Type(() => type)(target, name);
    IsObject({ message: 'must be a group of settings' })(target, name);
    ValidateNested()(target, name);
  };
}

/** `auth.mode` is `OPNI_AUTH_MODE`, `dataDir` is `OPNI_DATA_DIR`. */
export function variableOf(path: string): string {
  return `OPNI_${path
    .replaceAll('.', '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** Every setting below a class, in the order of declaration. */
export function settingsOf(type: new () => object, prefix = ''): SettingDefinition[] {
  const own = [...(leaves.get(type.prototype as object) ?? [])].map(([name, kind]) => {
    const path = prefix + name;
    return { path, variable: variableOf(path), kind };
  });
  const nested = [...(groups.get(type.prototype as object) ?? [])].flatMap(([name, group]) =>
    settingsOf(group, `${prefix}${name}.`),
  );
  return [...own, ...nested];
}
