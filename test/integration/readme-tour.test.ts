import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contains, matches, parseTour } from '../../scripts/tour-blocks.mjs';

const block = (info: string, ...lines: string[]): string => ['```' + info, ...lines, '```', ''].join('\n');

describe('the tour in a Markdown file', () => {
  it('takes marked blocks with their outputs and leaves the others alone', () => {
    const markdown = [
      '# Title\n',
      block('sh', 'rm -rf /'),
      block('sh tour background=sink wait="listens on"', 'node sink.mjs'),
      block('sh tour deadline=5', 'curl -s localhost'),
      block('json tour-output', '{}'),
      block('text tour-output from=sink', 'got …'),
    ].join('');
    expect(parseTour(markdown)).toEqual([
      {
        line: 5,
        script: 'node sink.mjs',
        background: 'sink',
        wait: 'listens on',
        deadline: 900,
        outputs: [],
      },
      {
        line: 8,
        script: 'curl -s localhost',
        background: undefined,
        wait: undefined,
        deadline: 5,
        outputs: [
          { line: 11, language: 'json', from: undefined, text: '{}' },
          { line: 14, language: 'text', from: 'sink', text: 'got …' },
        ],
      },
    ]);
  });

  it.each([
    ['nothing to run', block('sh', 'ls'), 'no block is marked'],
    ['an output without a step', block('text tour-output', 'x'), 'line 1: this output follows no tour block'],
    ['an attribute with a typo', block('sh tour dedline=5', 'ls'), '`dedline` is not known here'],
    ['a background without a condition', block('sh tour background', 'ls'), 'belong together'],
    ['another language', block('python tour', 'x'), 'a tour block is `sh`'],
    ['an open block', '```sh tour\nls\n', 'line 1: this block is not closed'],
    ['an unknown job', block('sh tour', 'ls') + block('text tour-output from=x', 'y'), 'is named x'],
  ])('refuses %s', (_, markdown, message) => {
    expect(() => parseTour(markdown)).toThrow(message);
  });
});

describe('an expected output', () => {
  it('is taken literally but for … and white space at the ends of lines', () => {
    expect(matches('a.b (…)\nc', 'a.b (01ABC)  \nc\n', 'text')).toBe(true);
    expect(matches('a.b', 'axb', 'text')).toBe(false);
    expect(matches('a', 'a\nb', 'text')).toBe(false);
    expect(matches('a\n…\nd', 'a\nb\nc\nd', 'text')).toBe(true);
  });

  it('compares JSON by value', () => {
    expect(matches('{ "a": 1, "id": … }', '{"id":"01X","a":1}', 'json')).toBe(true);
    expect(matches('{"a": [1, …], "…": "…"}', '{"a":[1,2,3],"b":{}}', 'json')).toBe(true);
    expect(matches('{"at": "2026-…Z"}', '{"at":"2026-01-01T00:00:00Z"}', 'json')).toBe(true);
    expect(matches('{"a": 1}', '{"a":1,"b":2}', 'json')).toBe(false);
    expect(matches('{"a": 1}', '{"a":2}', 'json')).toBe(false);
    expect(matches('{"a": 1, … }', '{"a":2,"b":3}', 'json')).toBe(false);
    expect(matches('{"a": 1, … }', '{"a":1,"b":3}', 'json')).toBe(true);
  });

  it('is found among the other lines of a job', () => {
    expect(contains('got …', 'listening\ngot it\nand more')).toBe(true);
    expect(contains('got …', 'forgot it')).toBe(false);
  });
});

describe('the runner', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'opni-tour-test-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const runner = fileURLToPath(new URL('../../scripts/readme-tour.mjs', import.meta.url));
  const run = (markdown: string): { status: number | null; stdout: string; summary: unknown } => {
    const file = join(folder, 'README.md');
    writeFileSync(file, markdown);
    const { status, stdout } = spawnSync(process.execPath, [runner, file], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    const { results: _, ...summary } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      results: unknown;
    };
    return { status, stdout, summary };
  };

  it('keeps one session, waits for what runs beside it and ends it', () => {
    const { status, summary } = run(
      block('sh tour', 'GREETING=hello') +
        block(
          'sh tour background=loop wait=ready',
          'echo $$ ready',
          `echo $BASHPID > ${folder}/pid`,
          'sleep 1000',
        ) +
        block('text tour-output', '… ready') +
        block('sh tour', 'echo $GREETING "$OPNI_DATA_DIR"') +
        block('text tour-output', 'hello …/data') +
        block('sh tour', `! kill -0 "$(cat ${folder}/pid)" || echo runs`) +
        block('text tour-output', 'runs'),
    );
    expect({ status, summary }).toEqual({ status: 0, summary: { passed: 4, failed: 0, skipped: 0 } });
    expect(spawnSync('bash', ['-c', `kill -0 "$(cat ${folder}/pid)"`]).status).not.toBe(0);
  });

  it.each([
    ['a failing command', block('sh tour', 'false', 'echo after'), 'a command failed'],
    [
      'another output',
      block('sh tour', 'echo b') + block('text tour-output', 'a'),
      'the output differs from line 4',
    ],
    ['a step that hangs', block('sh tour deadline=0.5', 'sleep 100'), 'did not end within 0.5 s'],
    [
      'a job that fails',
      block('sh tour background wait=never', 'echo x; exit 3'),
      'it ended with exit code 3; it printed:\n    x',
    ],
    [
      'a job that never gets there',
      block('sh tour background wait=never deadline=0.5', 'echo x; sleep 100'),
      'it printed:\n    x',
    ],
  ])('reports %s and skips the rest', (_, markdown, message) => {
    const { status, summary, stdout } = run(markdown + block('sh tour', 'true'));
    expect({ status, summary }).toEqual({ status: 1, summary: { passed: 0, failed: 1, skipped: 1 } });
    expect(stdout).toContain(message);
  });
});
