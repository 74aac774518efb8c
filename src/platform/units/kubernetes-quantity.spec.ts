import { describe, expect, it } from 'vitest';
import { parseKubernetesQuantity } from './kubernetes-quantity.js';

describe('parseKubernetesQuantity', () => {
  it.each([
    ['1', 1],
    ['500m', 0.5],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['100M', 1e8],
    ['1e3', 1000],
    ['1E3', 1000],
    ['2E', 2e18],
    ['.5', 0.5],
    ['5.', 5],
    ['250u', 0.00025],
    ['-1', -1],
  ])('%s is %d', (text, number) => {
    expect(parseKubernetesQuantity(text)).toBeCloseTo(number, 9);
  });

  it.each(['', ' 1', '1 Gi', '1gi', '1KiB', '1K', 'Gi', '1,5', '0x10', '1e', 'NaN', '9'.repeat(65)])(
    '%j is none',
    (text) => {
      expect(parseKubernetesQuantity(text)).toBeUndefined();
    },
  );
});
