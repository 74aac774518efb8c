/**
 * A regular expression (RE2) for the decimal numbers from `minimum` up, without leading zeros: Alertmanager's matchers
 * compare texts only. Anchored by the matcher. Its length grows with the number of digits, not with the number.
 *
 * @param minimum a whole number >= 0
 */
export function atLeast(minimum: number): string {
  const digits = String(minimum);
  const longer = `[1-9][0-9]{${digits.length},}`;
  const larger = [...digits].flatMap((digit, index) =>
    digit === '9'
      ? []
      : [`${digits.slice(0, index)}[${Number(digit) + 1}-9][0-9]{${digits.length - index - 1}}`],
  );
  return [digits, ...larger, longer].join('|');
}
