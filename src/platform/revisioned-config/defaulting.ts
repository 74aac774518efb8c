import { isObject } from '../secrets/secret-patterns.js';

/**
 * A copy of the document in which every absent member is the one of the default, at any depth. Arrays, and whatever is not
 * an object on both sides, are taken as they are.
 */
export function fillDefaults(document: unknown, defaults: unknown): unknown {
  if (!isObject(document) || !isObject(defaults)) return structuredClone(document);
  const members = new Map<string, unknown>();
  for (const [name, value] of Object.entries(defaults)) {
    if (!Object.hasOwn(document, name)) members.set(name, structuredClone(value));
  }
  for (const [name, value] of Object.entries(document)) {
    members.set(
      name,
      Object.hasOwn(defaults, name) ? fillDefaults(value, defaults[name]) : structuredClone(value),
    );
  }
  return Object.fromEntries(members);
}

/**
 * JSON merge patch (RFC 7386) over a document that has a default: `null` brings a member back to its default, or removes
 * one that has none, and a block that the patch adds gets the rest of its members from the default. What the patch does
 * not name stays as it is.
 */
export function patchDocument(document: unknown, patch: unknown, defaults: unknown): unknown {
  if (!isObject(patch)) return structuredClone(patch);
  const base = isObject(document) ? document : isObject(defaults) ? defaults : {};
  const members = new Map(Object.entries(structuredClone(base)));
  for (const [name, value] of Object.entries(patch)) {
    const own = isObject(defaults) && Object.hasOwn(defaults, name) ? defaults[name] : undefined;
    if (value !== null) members.set(name, patchDocument(members.get(name), value, own));
    else if (own === undefined) members.delete(name);
    else members.set(name, structuredClone(own));
  }
  return Object.fromEntries(members);
}
