type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets a member without ever reaching a prototype, whatever its name. */
function define(target: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * JSON merge patch (RFC 7386): members of the patch replace those of the target, `null` removes, objects merge, anything
 * else (arrays too) replaces. Neither argument is changed; the answer shares no part with the patch that a caller could
 * change by accident.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return structuredClone(patch);
  const result: JsonObject = {};
  const base = isObject(target) ? target : {};
  for (const [name, value] of Object.entries(base)) define(result, name, value);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else define(result, name, mergePatch(Object.hasOwn(base, name) ? base[name] : undefined, value));
  }
  return result;
}
