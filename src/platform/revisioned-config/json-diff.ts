import jsonPatch from 'fast-json-patch';

/** One operation of an RFC 6902 patch; of the six only these are made. */
export interface DiffOperation {
  op: 'add' | 'remove' | 'replace';
  path: string;
  value?: unknown;
}

/** The RFC 6902 patch that makes `to` out of `from`; both are plain JSON objects. Empty when they are equal. */
export function diffDocuments(from: object, to: object): DiffOperation[] {
  return jsonPatch.compare(from, to) as DiffOperation[];
}
