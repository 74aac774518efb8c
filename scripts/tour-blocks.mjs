// Reads the tour out of a Markdown file and compares what was printed with what it says. No input or output of its own.
import { stripVTControlCharacters } from 'node:util';

/**
 * @typedef {object} TourStep
 * @property {number} line of the opening fence, from 1
 * @property {string} script what bash runs
 * @property {string | undefined} background name of the job it starts; undefined: runs to its end
 * @property {string | undefined} wait of a background step: a URL that must answer 2xx, `:port` that must accept, or a text it must print
 * @property {number} deadline seconds
 * @property {{ line: number, language: 'text' | 'json', from: string | undefined, text: string }[]} outputs expected, of the step or of the background job `from`
 */

const FENCE = /^(`{3,})(.*)$/;

/**
 * | fence | meaning |
 * |---|---|
 * | `sh tour [deadline=60]` | runs in the tour's one bash session |
 * | `sh tour background[=name] wait=<URL, :port or text> [deadline=900]` | starts something and waits until it is there; `wait="two words"` |
 * | `text tour-output [from=name]`, `json tour-output [from=name]` | what the step before prints, or what the background job `name` has printed by then |
 *
 * @param {string} markdown
 * @returns {TourStep[]}
 */
export function parseTour(markdown) {
  const steps = [];
  for (const { line, info, text } of fencedBlocks(markdown)) {
    const [language = '', ...words] = info.split(/\s+/);
    if (!words.some((word) => /^tour(-output)?$/.test(word))) continue;
    const attributes = parseAttributes(info.slice(language.length).trim(), line);
    const take = (name) => {
      const value = attributes.get(name);
      attributes.delete(name);
      return value;
    };
    if (take('tour-output') !== undefined) {
      const step = steps.at(-1);
      if (step === undefined) throw fault(line, 'this output follows no tour block');
      if (language !== 'text' && language !== 'json') throw fault(line, 'an output is `text` or `json`');
      const from = take('from');
      const known = steps.some(({ background }) => background === from);
      if (from !== undefined && !known) throw fault(line, `no background block before it is named ${from}`);
      step.outputs.push({ line, language, from, text });
    } else {
      take('tour');
      if (language !== 'sh') throw fault(line, 'a tour block is `sh`');
      const background = take('background');
      const wait = take('wait');
      if ((background === undefined) !== (wait === undefined)) {
        throw fault(line, '`background` and `wait=…` belong together');
      }
      const deadline = Number(take('deadline') ?? (background === undefined ? 60 : 900));
      if (!(deadline > 0)) throw fault(line, '`deadline` is a number of seconds');
      const name = background === '' ? `background-${line}` : background;
      steps.push({ line, script: text, background: name, wait, deadline, outputs: [] });
    }
    const [unknown] = attributes.keys();
    if (unknown !== undefined) throw fault(line, `\`${unknown}\` is not known here`);
  }
  if (steps.length === 0) throw new Error('no block is marked `tour`');
  return steps;
}

function* fencedBlocks(markdown) {
  const lines = markdown.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const opening = FENCE.exec(lines[index]);
    if (opening === null) continue;
    const end = lines.findIndex((line, at) => at > index && line.trim() === opening[1]);
    if (end < 0) throw fault(index + 1, 'this block is not closed');
    yield { line: index + 1, info: opening[2].trim(), text: lines.slice(index + 1, end).join('\n') };
    index = end;
  }
}

function parseAttributes(info, line) {
  const attributes = new Map();
  for (const match of info.matchAll(/([a-z-]+)(?:=(?:"([^"]*)"|(\S+)))?(?=\s|$)|(\S+)/g)) {
    const [word, name, quoted, bare] = match;
    if (name === undefined) throw fault(line, `\`${word}\` cannot be read`);
    attributes.set(name, quoted ?? bare ?? '');
  }
  return attributes;
}

function fault(line, message) {
  return new Error(`line ${line}: ${message}`);
}

/**
 * Whether `actual` is what `expected` says; `…` stands for anything. JSON is compared as values where both sides are JSON:
 * `"…"` stands for any value, a member `"…": "…"` for further members, a last item `"…"` for further items.
 *
 * @param {string} expected
 * @param {string} actual
 * @param {'text' | 'json'} language
 */
export function matches(expected, actual, language) {
  if (language === 'json') {
    const pattern = parseJson(expected.replace(/(?<=[:[,]\s*)…(?=\s*[,\]}])/g, '"…"'));
    const value = parseJson(actual);
    if (pattern && value) return matchesValue(pattern.value, value.value);
    return textPattern(expected.replace(/\s+/g, ''), true).test(actual.replace(/\s+/g, ''));
  }
  return textPattern(normalise(expected), true).test(normalise(actual));
}

/** Like `matches` for text, but other lines may stand before and after: a background job prints on. */
export function contains(expected, actual) {
  return textPattern(normalise(expected), false).test(normalise(actual));
}

function textPattern(text, whole) {
  const literal = text
    .split('…')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('[\\s\\S]*?');
  return new RegExp(whole ? `^${literal}$` : `(^|\\n)${literal}(\\n|$)`);
}

function normalise(text) {
  return stripVTControlCharacters(text)
    .replace(/[ \t\r]+$/gm, '')
    .replace(/^\n+|\n+$/g, '');
}

function parseJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function matchesValue(pattern, value) {
  if (typeof pattern === 'string') {
    if (pattern === '…') return true;
    return typeof value === 'string' && textPattern(pattern, true).test(value);
  }
  if (pattern === null || typeof pattern !== 'object') return pattern === value;
  if (value === null || typeof value !== 'object' || Array.isArray(pattern) !== Array.isArray(value))
    return false;
  if (Array.isArray(pattern)) {
    const open = pattern.at(-1) === '…';
    const items = open ? pattern.slice(0, -1) : pattern;
    if (open ? value.length < items.length : value.length !== items.length) return false;
    return items.every((item, index) => matchesValue(item, value[index]));
  }
  const { '…': open, ...members } = pattern;
  const names = Object.keys(members);
  if (open === undefined && Object.keys(value).length !== names.length) return false;
  return names.every((name) => Object.hasOwn(value, name) && matchesValue(members[name], value[name]));
}
