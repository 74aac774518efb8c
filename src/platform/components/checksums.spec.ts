import { describe, expect, it } from 'vitest';
import { findChecksum } from './checksums.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const FILE = 'alertmanager-0.31.1.linux-amd64.tar.gz';

describe('findChecksum', () => {
  it('finds the line of exactly that file', () => {
    const sums = `${B}  alertmanager-0.31.1.linux-arm64.tar.gz\n${A}  ${FILE}\n${B}  ${FILE}.asc\n`;
    expect(findChecksum(sums, FILE)).toBe(A);
  });

  it.each([
    `${A.toUpperCase()} *${FILE}`,
    `${A}  ./${FILE}`,
    `${A}  ${FILE}\r\n`,
    `${A}  ${FILE}\n${A}  ${FILE}`,
  ])('reads %j', (sums) => {
    expect(findChecksum(sums, FILE)).toBe(A);
  });

  it.each([
    '',
    '<html>not found</html>',
    `${A.slice(1)}  ${FILE}`,
    `${A}0  ${FILE}`,
    `${A}  ${FILE}\n${B}  ${FILE}`,
  ])('gives nothing for %j', (sums) => {
    expect(findChecksum(sums, FILE)).toBeUndefined();
  });
});
