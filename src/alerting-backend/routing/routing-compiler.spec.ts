import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SEVERITIES, type Endpoint } from '../endpoints/endpoint.js';
import { compileRouting, type RoutingInput } from './routing-compiler.js';

const intervals = { info: '30s', warning: '10s', error: '5s', critical: '0s' };
const groupInterval = { info: '30s', warning: '10s', error: '5s', critical: '1s' };

const endpointArbitrary = fc.record<Endpoint>({
  name: fc.string(),
  description: fc.string(),
  labels: fc.dictionary(fc.string(), fc.string()),
  type: fc.constant('webhook'),
  block: fc.record({ url: fc.webUrl(), max_alerts: fc.nat() }),
  notifications: fc.record({
    enabled: fc.boolean(),
    severities: fc.subarray([...SEVERITIES]),
    since: fc.constant({ critical: 7 }),
  }),
});

const inputArbitrary = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/), endpointArbitrary), {
    selector: ([id]) => id,
    maxLength: 8,
  })
  .map((pairs): RoutingInput => ({
    endpoints: pairs.map(([id, endpoint]) => ({ id, endpoint })),
    groupWait: intervals,
    groupInterval,
  }));

function* nullsIn(value: unknown, path = ''): Generator<string> {
  if (value === null || value === undefined) yield path;
  else if (typeof value === 'object')
    for (const [key, child] of Object.entries(value)) yield* nullsIn(child, `${path}/${key}`);
}

describe('compileRouting', () => {
  it('gives the same bytes in whatever order the endpoints come', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const reversed = { ...input, endpoints: input.endpoints.toReversed() };
        expect(compileRouting(reversed).sha256).toBe(compileRouting(input).sha256);
      }),
    );
  });

  it('never holds a null, which would kill Alertmanager', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        expect([...nullsIn(compileRouting(input).configuration)]).toEqual([]);
      }),
    );
  });

  it('defines every receiver that a route names, once', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { configuration } = compileRouting(input);
        const names = configuration.receivers.map((receiver) => receiver.name);
        expect(new Set(names).size).toBe(names.length);
        const used = JSON.stringify(configuration.route).matchAll(/"receiver":"([^"]+)"/g);
        for (const [, name] of used) expect(names).toContain(name);
      }),
    );
  });

  it('does not take an id that contains another one, or a dot for any character', () => {
    const { configuration } = compileRouting({
      endpoints: [
        {
          id: 'a.b',
          endpoint: {
            name: '',
            description: '',
            labels: {},
            type: 'webhook',
            block: {},
            notifications: { enabled: false, severities: [], since: {} },
          },
        },
      ],
      groupWait: intervals,
      groupInterval,
    });
    const matcher = configuration.route.routes?.[1]?.routes?.[0]?.routes?.[1]?.matchers?.[0] ?? '';
    const pattern = new RegExp(`^(?:${/"(.*)"/.exec(matcher)?.[1] ?? ''})$`);
    expect(['a.b', 'x,a.b', 'a.b,x', 'x,a.b,y'].every((value) => pattern.test(value))).toBe(true);
    expect(['aXb', 'xa.b', 'a.bx', 'a.bx,y', ''].some((value) => pattern.test(value))).toBe(false);
  });
});
