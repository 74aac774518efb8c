import { describe, expect, it } from 'vitest';
import { reasonIn } from './config-checker.js';

describe('reasonIn', () => {
  it('gives what amtool says, without the path', () => {
    const output =
      'Checking \'/x/a.yml\'  FAILED: undefined receiver "b" used in route\n\namtool: error: failed to validate 1 file(s)\n\n';
    expect(reasonIn(output, '/x/a.yml')).toBe('undefined receiver "b" used in route');
  });

  it('keeps several lines', () => {
    const output =
      "Checking '/x/a.yml'  FAILED: yaml: unmarshal errors:\n  line 1: field foo not found\n\namtool: error: x\n";
    expect(reasonIn(output, '/x/a.yml')).toBe('yaml: unmarshal errors:\n  line 1: field foo not found');
  });

  it('names a crash without its stack', () => {
    expect(reasonIn("Checking '/x'panic: nil pointer\n\ngoroutine 1", '/x')).toBe(
      'The configuration crashes amtool, and would crash Alertmanager (nil pointer).',
    );
  });

  it('always has a reason', () => expect(reasonIn('', '/x')).toMatch(/without a reason/));
});
