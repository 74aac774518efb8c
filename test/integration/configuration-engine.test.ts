import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startToyBackend, type ToyBackendApp } from '../support/toy-backend-app.js';
import { tempDir } from '../support/temp-dir.js';

const PATH = '/api/v1/toy/configuration';
const PATCH_TYPE = 'application/merge-patch+json';
const BUILT_IN = { replicas: 1, storage: { endpoint: '', secretKey: '' }, sources: [], tags: [] };
const STORAGE = { endpoint: 'one.example', secretKey: 'planted-secret-one' };

interface Body extends Record<string, unknown> {
  revision: number;
  author: string | null;
  updatedAt: string | null;
  storage: { endpoint: string; secretKey: string };
  sources: { name: string; url: string; token: string }[];
  errors?: { pointer: string; code: string }[];
  items: Body[];
  next: string | null;
  diff: { op: string; path: string; value?: unknown }[];
  code: string;
}

interface Answer {
  status: number;
  body: Body;
  headers: Record<string, string>;
}

let toy: ToyBackendApp;
beforeEach(async () => {
  toy = await startToyBackend(await tempDir());
  onTestFinished(() => toy.close());
});

async function send(
  method: 'put' | 'post' | 'patch' | 'delete',
  path: string,
  body?: object,
  ifMatch?: string,
) {
  const request = toy.api[method](`${PATH}${path}`);
  if (ifMatch !== undefined) request.set('if-match', ifMatch);
  if (method === 'patch') request.set('content-type', PATCH_TYPE);
  return (await (body === undefined ? request : request.send(body))) as unknown as Answer;
}
const get = async (path = ''): Promise<Answer> => toy.api.get(`${PATH}${path}`);
const put = (body: object, path = '', ifMatch?: string): Promise<Answer> => send('put', path, body, ifMatch);
const patch = (body: object, path = '', ifMatch?: string): Promise<Answer> =>
  send('patch', path, body, ifMatch);
const reset = (body: object): Promise<Answer> => send('post', '/reset', body);
const rollback = (revision: number): Promise<Answer> => send('post', '/rollback', { revision });

const ascending = (a: number, b: number): number => a - b;
const byText = (a: string | number, b: string | number): number => String(a).localeCompare(String(b));

/** What is stored, with secrets in clear. */
async function clear(): Promise<Record<string, unknown>> {
  const { ToyDocuments } = await import('../support/toy-backend.js');
  return { ...(await toy.app.get(ToyDocuments).effective()).document };
}

function findings({ status, body }: Answer): [number, ...string[]] {
  return [status, ...(body.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`)];
}

describe('the active document', () => {
  it('is the default with revision 0 before the first write', async () => {
    const { status, body, headers } = await get();
    expect(status).toBe(200);
    expect(headers['etag']).toBe('"0"');
    expect(body).toEqual({ ...BUILT_IN, revision: 0, updatedAt: null, author: null });
    expect((await get('/revisions')).body).toEqual({ items: [], next: null });
    expect((await get('/revisions/1')).status).toBe(404);
  });

  it('is filled from the default when written, and follows no later default', async () => {
    await put({ tags: ['x'] }, '/default');
    const first = await put({ replicas: 2 });
    expect(first.body).toMatchObject({
      ...BUILT_IN,
      replicas: 2,
      tags: ['x'],
      revision: 1,
      author: 'anonymous',
    });
    expect(Date.parse(first.body.updatedAt ?? '')).not.toBeNaN();
    await put({ tags: ['y'], replicas: 9 }, '/default');
    await patch({ storage: { endpoint: 'e' } });
    expect((await get()).body).toMatchObject({ tags: ['x'], replicas: 2, revision: 2 });
    expect((await patch({ tags: null, replicas: null })).body).toMatchObject({ tags: ['y'], replicas: 9 });
  });

  it('takes back what GET answered; its revision is a precondition', async () => {
    const { body } = await put((await get()).body);
    expect(body).toMatchObject({ ...BUILT_IN, revision: 1 });
    expect((await put(body)).body).toMatchObject({ revision: 2 });
    const stale = await put(body);
    expect([stale.status, stale.body.code, stale.body['current']]).toEqual([412, 'revision-mismatch', 2]);
  });

  it.each<[string, string | undefined, number]>([
    ['stale', '"1"', 412],
    ['from the future', '"7"', 412],
    ['of no write', '"0"', 412],
    ['that matches', '"2"', 200],
    ['of any revision', '*', 200],
    ['that is left out', undefined, 200],
  ])('with a precondition %s, every kind of write answers %s: %i', async (_name, ifMatch, expected) => {
    for (const [method, path, body] of [
      ['put', '', { replicas: 3 }],
      ['patch', '', { replicas: 3 }],
      ['post', '/reset', {}],
      ['post', '/rollback', { revision: 1 }],
    ] as const) {
      toy = await startToyBackend(await tempDir());
      onTestFinished(() => toy.close());
      await put({ replicas: 2 });
      await put({ replicas: 4 });
      const answer = await send(method, path, body, ifMatch);
      expect([method, path, answer.status]).toEqual([method, path, expected]);
      const dry = await send(method, `${path}?dryRun=true`, body, ifMatch === '"2"' ? '"3"' : ifMatch);
      expect([method, path, 'dryRun', dry.status]).toEqual([method, path, 'dryRun', expected]);
    }
  });

  it('is written by one of many that want the same revision', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => put({ tags: [`${n}`] }, '', '"0"')),
    );
    expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([
      200,
      ...Array<number>(7).fill(412),
    ]);
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, n) => patch({ storage: { endpoint: `${n}` } })),
    );
    expect(all.map(({ status }) => status)).toEqual(Array<number>(8).fill(200));
    expect(all.map(({ body }) => body.revision).toSorted(ascending)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is refused with every finding at once', async () => {
    const wrong = {
      replicas: 0,
      tags: [1],
      storage: { endpoint: 7, secretKey: '***' },
      unknown: 1,
      sources: {},
    };
    const expected = [
      422,
      '/storage/secretKey secret-missing',
      '/replicas out-of-range',
      '/storage/endpoint type',
      '/sources type',
      '/tags/0 type',
      '/unknown unknown-field',
    ];
    expect(findings(await put(wrong)).toSorted(byText)).toEqual(expected.toSorted(byText));
    expect(findings(await put(wrong, '?dryRun=true')).toSorted(byText)).toEqual(expected.toSorted(byText));
    expect((await get()).body.revision).toBe(0);
  });

  it.each<[string, string | object, number]>([
    ['[]', '[]', 422],
    ['nothing', '', 400],
    ['null', 'null', 422],
    ['a text', '"x"', 422],
    ['a null inside', '{"tags":null}', 422],
  ])('refuses %s as a body of PUT', async (_name, body, expected) => {
    const { status } = await toy.api.put(PATH).set('content-type', 'application/json').send(body);
    expect(status).toBe(expected);
  });
});

describe('the default document', () => {
  it('goes back to the built-in one, and no entity tag names two documents', async () => {
    expect((await get('/default')).headers['etag']).toBe('"0"');
    expect((await send('delete', '/default')).status).toBe(404);
    expect((await put({ replicas: 5 }, '/default')).headers['etag']).toBe('"1"');
    expect((await get()).body).toMatchObject({ replicas: 5, revision: 0 });
    expect((await send('delete', '/default', undefined, '"9"')).status).toBe(412);
    expect((await send('delete', '/default')).status).toBe(204);
    expect((await send('delete', '/default')).status).toBe(404);
    expect((await get('/default')).body).toMatchObject(BUILT_IN);
    expect((await put({ replicas: 6 }, '/default', '"1"')).status).toBe(412);
    expect((await put({ replicas: 6 }, '/default')).body).toMatchObject({ replicas: 6, revision: 3 });
  });

  it('is checked as the active one is', async () => {
    expect(findings(await put({ replicas: 10 }, '/default'))).toEqual([422, '/replicas out-of-range']);
  });
});

describe('reset', () => {
  beforeEach(async () => {
    await put({ replicas: 4, tags: ['a', 'b'], storage: STORAGE });
  });

  it('keeps, returns the rest to the default, and lets the patch win', async () => {
    expect((await reset({ keep: ['/tags', '/nowhere'], patch: { replicas: 7 } })).body).toMatchObject({
      ...BUILT_IN,
      tags: ['a', 'b'],
      replicas: 7,
      revision: 2,
    });
    expect((await reset({ patch: { tags: ['kept', 'no more'] }, keep: ['/tags'] })).body).toMatchObject({
      tags: ['kept', 'no more'],
    });
    expect((await reset({})).body).toMatchObject({ ...BUILT_IN, revision: 4 });
    expect((await reset({ keep: [], patch: { replicas: null } })).body).toMatchObject(BUILT_IN);
  });

  it('refuses pointers into arrays', async () => {
    expect(findings(await reset({ keep: ['/replicas', '/tags/0'] }))).toEqual([
      422,
      '/keep/1 invalid-pointer',
    ]);
    expect(findings(await reset({ keep: 'x' }))[0]).toBe(422);
    expect(findings(await reset({ mask: [] }))[0]).toBe(422);
  });

  it('keeps a secret beside its destination, and sends it nowhere else', async () => {
    expect((await reset({ keep: ['/storage'] })).status).toBe(200);
    expect(await clear()).toMatchObject({ storage: STORAGE });
    await put({ storage: { endpoint: 'elsewhere' } }, '/default');
    expect(findings(await reset({ keep: ['/storage/secretKey'] }))).toEqual([
      422,
      '/storage/secretKey secret-required',
    ]);
    expect((await reset({})).status).toBe(200);
    expect(await clear()).toMatchObject({ storage: { endpoint: 'elsewhere', secretKey: '' } });
  });
});

describe('revisions', () => {
  it('are listed newest first, read, compared and brought back', async () => {
    for (const replicas of [1, 2, 3]) await put({ replicas });
    const { items, next } = (await get('/revisions?limit=2')).body;
    expect(items.map(({ revision, replicas }) => [revision, replicas])).toEqual([
      [3, 3],
      [2, 2],
    ]);
    expect(
      (await get(`/revisions?limit=2&cursor=${next ?? ''}`)).body.items.map((item) => item.revision),
    ).toEqual([1]);
    expect((await get('/revisions/2')).body).toMatchObject({ revision: 2, replicas: 2, author: 'anonymous' });
    expect((await get('/revisions/1/diff')).body).toEqual({
      from: 1,
      to: 3,
      diff: [{ op: 'replace', path: '/replicas', value: 3 }],
    });
    expect((await get('/revisions/3/diff?to=2')).body.diff).toEqual([
      { op: 'replace', path: '/replicas', value: 2 },
    ]);
    expect((await rollback(1)).body).toMatchObject({ replicas: 1, revision: 4 });
    expect((await rollback(9)).status).toBe(404);
    expect(
      await Promise.all(['x', '0', '-1', '1.5'].map(async (n) => (await get(`/revisions/${n}`)).status)),
    ).toEqual([400, 400, 400, 400]);
    expect((await get('/revisions/1/diff?to=9')).status).toBe(404);
  });

  it('are the last hundred of any number', { timeout: 120_000 }, async () => {
    const { ToyDocuments } = await import('../support/toy-backend.js');
    const documents = toy.app.get(ToyDocuments);
    for (let n = 1; n <= 1000; n += 1) {
      const change = { op: 'patch', patch: { tags: [`${n}`] } } as const;
      await documents.change({ target: 'active', change, author: `author-${n}` });
    }
    const { items, next } = (await get('/revisions?limit=500')).body;
    expect([items.length, next, items[0]?.revision, items.at(-1)?.revision]).toEqual([100, null, 1000, 901]);
    expect(items.at(-1)).toMatchObject({ tags: ['901'], author: 'author-901' });
    expect((await get('/revisions/900')).status).toBe(404);
    expect((await rollback(900)).status).toBe(404);
    expect((await rollback(902)).body).toMatchObject({ tags: ['902'], revision: 1001 });
  });
});

describe('secrets', () => {
  const sources = [
    { name: 'a', url: 'a.example', token: 'planted-token-a' },
    { name: 'b', url: 'b.example', token: 'planted-token-b' },
  ];
  const [a, b] = sources as [(typeof sources)[0], (typeof sources)[0]];
  const hidden = (source: object): object => ({ ...source, token: '***' });

  it('are *** in every answer, and nowhere in the data directory', async () => {
    const full = { storage: STORAGE, sources };
    await put(full, '/default');
    const answers = [
      await put(full, '?dryRun=true'),
      await put(full),
      await patch({ storage: { ...STORAGE, secretKey: 'planted-secret-two' } }, '?dryRun=true'),
      await patch({ storage: { ...STORAGE, secretKey: 'planted-secret-two' } }),
      await reset({ keep: ['/sources'] }),
      await rollback(1),
      await put({ ...full, replicas: 0, tags: [7] }),
      ...(await Promise.all(
        ['', '/default', '/revisions', '/revisions/1', '/revisions/1/diff?to=2'].map(get),
      )),
    ];
    expect(answers.map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 200, 422, 200, 200, 200, 200, 200,
    ]);
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain('planted');
    expect(answers[1]?.body).toMatchObject({
      storage: { secretKey: '***' },
      sources: [hidden(a), hidden(b)],
    });
    await toy.close();
    for (const file of await readdir(toy.dataDir)) {
      expect(await readFile(join(toy.dataDir, file), 'latin1'), file).not.toMatch(
        /planted|sealed:v1:\S*planted/,
      );
    }
  });

  it('stay where *** stands, and where a patch says nothing', async () => {
    await put({ storage: STORAGE, sources });
    await put({ storage: { ...STORAGE, secretKey: '***' }, sources: [hidden(b), hidden(a)] });
    await patch({ replicas: 2 });
    expect(await clear()).toMatchObject({ storage: STORAGE, sources: [b, a], replicas: 2 });
    await patch({ sources: [hidden(a)] });
    expect(await clear()).toMatchObject({ sources: [a] });
    expect((await put((await get()).body)).status).toBe(200);
    expect(await clear()).toMatchObject({ storage: STORAGE, sources: [a] });
  });

  it.each<[string, object, string]>([
    [
      'where there was nothing',
      { sources: [hidden(a), { name: 'c', url: 'c', token: '***' }] },
      '/sources/1/token secret-missing',
    ],
    [
      'where the destination changes',
      { storage: { endpoint: 'evil.example', secretKey: '***' } },
      '/storage/secretKey secret-required',
    ],
    [
      'beside a destination that a patch changes alone',
      { storage: { endpoint: 'evil.example' } },
      '/storage/secretKey secret-required',
    ],
    [
      'where an item gets another destination',
      { sources: [{ ...a, url: 'evil.example', token: '***' }] },
      '/sources/0/token secret-required',
    ],
  ])('have to be sent %s', async (_name, change, finding) => {
    await put({ storage: STORAGE, sources });
    expect(findings(await patch(change))).toEqual([422, finding]);
    expect(findings(await patch(change, '?dryRun=true'))).toEqual([422, finding]);
    expect(await clear()).toMatchObject({ storage: STORAGE, sources });
  });

  it('of the default are not sent to a destination that somebody names', async () => {
    await put({ storage: STORAGE, sources }, '/default');
    expect(findings(await put({ storage: { endpoint: 'evil.example' } }))).toEqual([
      422,
      '/storage/secretKey secret-required',
    ]);
    expect((await put({})).status).toBe(200);
    expect(await clear()).toMatchObject({ storage: STORAGE, sources });
    expect((await patch({ storage: { endpoint: 'evil.example', secretKey: 'own' } })).status).toBe(200);
    expect((await patch({ storage: null })).status).toBe(200);
    expect(await clear()).toMatchObject({ storage: STORAGE });
  });

  it('come back with a rollback, though both the secret and its destination were replaced since', async () => {
    await put({ storage: STORAGE, sources });
    await put({ storage: { endpoint: 'two.example', secretKey: 'two' }, sources: [] });
    const { body } = await send('post', '/rollback?dryRun=true', { revision: 1 });
    expect(body.diff).toContainEqual({ op: 'replace', path: '/storage/secretKey', value: '***' });
    await rollback(1);
    expect(await clear()).toMatchObject({ storage: STORAGE, sources });
  });

  it('that differ show as a difference without a value', async () => {
    await put({ storage: STORAGE });
    await patch({ storage: { secretKey: 'planted-secret-two' } });
    await patch({ storage: { secretKey: 'planted-secret-two' } });
    expect((await get('/revisions/1/diff?to=2')).body.diff).toEqual([
      { op: 'replace', path: '/storage/secretKey', value: '***' },
    ]);
    expect((await get('/revisions/2/diff?to=3')).body.diff).toEqual([]);
  });
});

describe('a dry run', () => {
  it.each<['put' | 'patch' | 'post', string, object]>([
    ['put', '', { tags: ['x'], storage: { endpoint: 'e', secretKey: 's' } }],
    ['patch', '', { replicas: null, tags: ['z'] }],
    ['post', '/reset', { keep: ['/storage'], patch: { tags: ['y'] } }],
    ['post', '/rollback', { revision: 1 }],
    ['put', '/default', { replicas: 3 }],
  ])('of %s %s is the real call, except that nothing is stored', async (method, path, body) => {
    await put({ replicas: 2, storage: STORAGE });
    await put({ replicas: 3, storage: STORAGE, tags: ['t'] });
    const sequence = await toy.store.sequence();
    const dry = await send(method, `${path}?dryRun=true`, body);
    expect(dry.status).toBe(200);
    expect(await toy.store.sequence()).toBe(sequence);
    const { status, body: real } = await send(method, path, body);
    expect(status).toBe(200);
    expect(real).toMatchObject(dry.body['document'] as object);
    expect(Object.keys(dry.body).toSorted()).toEqual(['config', 'diff', 'document', 'impact', 'manifests']);
    if (path !== '/default') expect((await get('/revisions/2/diff')).body.diff).toEqual(dry.body.diff);
  });
});

it('is mounted as CONTRIBUTING.md shows', async () => {
  const read = (file: string): Promise<string> => readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  const [guide, toyFile] = await Promise.all([read('CONTRIBUTING.md'), read('test/support/toy-backend.ts')]);
  const shown = /<!-- toy-backend -->\n+```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? 'no such block';
  expect(toyFile).toContain(shown.trim());
});
