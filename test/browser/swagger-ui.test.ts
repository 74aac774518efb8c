import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** No first-run pages and no calls home: the browser talks to the gateway and to nobody else. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function findChromium(): string | undefined {
  const explicit = process.env['CHROMIUM_PATH'];
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [
    ...(explicit === undefined ? [] : [explicit]),
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
  ];
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const executablePath = findChromium();

describe.skipIf(executablePath === undefined)(
  'Swagger UI (skipped without Chromium: install it, or set CHROMIUM_PATH)',
  () => {
    let directory: string;
    let gateway: ChildProcess;
    let url: string;
    let browser: Browser;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'opni-browser-'));
      gateway = spawn(process.execPath, [MAIN, 'gateway'], {
        env: {
          PATH: process.env['PATH'],
          OPNI_DATA_DIR: directory,
          OPNI_LISTEN: '127.0.0.1:0',
          OPNI_BOOTSTRAP_INSTALL: '',
          OPNI_LOG_FORMAT: 'json',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      url = await listening(gateway);
      browser = await chromium.launch({
        ...(executablePath === undefined ? {} : { executablePath }),
        headless: true,
        args: FLAGS,
      });
    });

    afterAll(async () => {
      await browser?.close();
      if (gateway?.exitCode === null) {
        const ended = new Promise((resolve) => gateway.once('exit', resolve));
        gateway.kill('SIGTERM');
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    });

    it('executes a call and shows the answer, with nothing from elsewhere and no failed request', async () => {
      const page = await browser.newPage();
      const strangers: string[] = [];
      const failures: string[] = [];
      page.on('request', (request) => {
        const target = request.url();
        if (!target.startsWith(url) && !target.startsWith('data:') && !target.startsWith('blob:'))
          strangers.push(target);
      });
      page.on('requestfailed', (request) => failures.push(request.url()));
      page.on('pageerror', (error) => failures.push(error.message));

      await page.goto(`${url}/docs`);
      const operation = page.locator('.opblock', { hasText: '/api/v1/info' });
      await operation.locator('.opblock-summary-control').click();
      await operation.getByRole('button', { name: 'Execute' }).click();
      const answer = operation.locator('.live-responses-table .response').first();
      await answer.waitFor();

      expect(await answer.locator('.response-col_status').innerText()).toContain('200');
      expect(await answer.locator('.highlight-code').first().innerText()).toContain('"driver": "local"');
      expect(strangers).toEqual([]);
      expect(failures).toEqual([]);
    });
  },
);

/** The URL from the log line that says where it listens. */
async function listening(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the gateway has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /"url":"([^"]+)"/.exec(line)?.[1];
    if (found !== undefined) {
      child.stdout.resume();
      return found;
    }
  }
  throw new Error('the gateway ended before it listened');
}
