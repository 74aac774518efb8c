import { describe, expect, it } from 'vitest';
import { checkProcessName, childEnvironment, formatMarker, parseMarker, programHash } from './program.js';

const marker = { scope: 'abc', name: 'controller-0', program: 'def' };

describe('childEnvironment', () => {
  it('passes the allow-listed variables that are set, the own ones and the marker', () => {
    const inherited = {
      PATH: '/bin',
      TZ: undefined,
      LANG: 'C',
      AWS_SECRET_ACCESS_KEY: 'x',
      NODE_OPTIONS: '--inspect',
    };
    expect(childEnvironment(inherited, { GOGC: '50' }, marker)).toEqual({
      PATH: '/bin',
      LANG: 'C',
      GOGC: '50',
      OPNI_PROCESS: 'abc/controller-0/def',
    });
  });

  it('lets a spec override what is inherited, never the marker', () => {
    const own = { PATH: '/own', OPNI_PROCESS: 'forged' };
    expect(childEnvironment({ PATH: '/bin' }, own, marker)).toEqual({
      PATH: '/own',
      OPNI_PROCESS: formatMarker(marker),
    });
  });
});

describe('marker', () => {
  it('survives being written and read', () => expect(parseMarker(formatMarker(marker))).toEqual(marker));

  it.each(['', 'a', 'a/b', 'a/b/', 'a/b/c/d', 'a/../c', 'a/B C/d'])('refuses %j', (text) => {
    expect(parseMarker(text)).toBeNull();
  });
});

describe('programHash', () => {
  const spec = { command: 'a', args: ['b', 'c'], cwd: '/', env: { X: '1', Y: '2' } };

  it('does not depend on the order of variables', () => {
    expect(programHash({ ...spec, env: { Y: '2', X: '1' } })).toBe(programHash(spec));
  });

  it.each([{ command: 'z' }, { args: ['b c'] }, { args: ['c', 'b'] }, { cwd: '/tmp' }, { env: { X: '1' } }])(
    'differs with %j',
    (change) => expect(programHash({ ...spec, ...change })).not.toBe(programHash(spec)),
  );
});

describe('checkProcessName', () => {
  it.each(['a', 'controller-0-alertmanager', 'x.y_z'])('accepts %j', (name) => {
    expect(() => checkProcessName(name)).not.toThrow();
  });
  it.each(['', '../x', '.hidden', 'a/b', 'A', 'x\n', 'a'.repeat(101)])('refuses %j', (name) => {
    expect(() => checkProcessName(name)).toThrow(expect.objectContaining({ code: 'process-name-invalid' }));
  });
});
