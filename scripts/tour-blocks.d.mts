export interface TourStep {
  line: number;
  script: string;
  background: string | undefined;
  wait: string | undefined;
  deadline: number;
  outputs: { line: number; language: 'text' | 'json'; from: string | undefined; text: string }[];
}
export function parseTour(markdown: string): TourStep[];
export function matches(expected: string, actual: string, language: 'text' | 'json'): boolean;
export function contains(expected: string, actual: string): boolean;
