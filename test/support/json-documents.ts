import fc from 'fast-check';

/** Documents as clients write them: few names, so that two of them overlap. For tests. */
export function document({ nulls = false } = {}): fc.Arbitrary<Record<string, unknown>> {
  const name = fc.constantFrom('a', 'b', 'c', 'x/y', '~');
  const { tree } = fc.letrec<{ tree: unknown; node: Record<string, unknown> }>((tie) => ({
    node: fc.dictionary(name, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
    tree: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom('', 'text', true),
        ...(nulls ? [fc.constant(null)] : []),
      ),
      fc.array(fc.oneof(fc.nat(3), fc.record({ id: fc.nat(3) })), { maxLength: 3 }),
      tie('node'),
    ),
  }));
  return fc.dictionary(name, tree, { maxKeys: 4, noNullPrototype: true });
}

/** Pointers to every member of every object that is reached through objects only. */
export function pointersOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const pointer = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return [pointer, ...pointersOf(member, pointer)];
  });
}
