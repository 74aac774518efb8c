import type { EndpointTestRequest, EndpointTestResult } from '../companion-api.js';
import { RequestError } from '../http/request-error.js';
import { messageOf } from '../../platform/errors.js';
import { AlertmanagerClient } from '../syncer/alertmanager-client.js';
import { toYaml } from '../syncer/canonical-config.js';
import { SecretScrubber } from '../syncer/scrub-secrets.js';
import { RelayCertificates } from './relay-certificates.js';
import { receiverType } from './receiver-types.js';
import { Relay, type Exchange, type Stage } from './relay.js';
import { ScratchAlertmanager, ScratchError } from './scratch-alertmanager.js';
import { scratchConfig, upstreamOf } from './scratch-config.js';

/** Each test is an Alertmanager process of some 35 MB. */
const CONCURRENCY = 4;
const HOUR = 3_600_000;

/** Delivers one alert through a scratch Alertmanager and says what the receiver answered. */
export class EndpointTester {
  readonly #running = new Set<AbortController>();

  constructor(private readonly options: { alertmanager: string; scratchDir: string }) {}

  /**
   * One test is one delivery, never more. Everything it started is gone when it returns.
   * @param signal ends the test early, e.g. because nobody waits for its result any more
   * @throws RequestError 400 for what cannot be tested, 429 when too many run
   */
  async run(request: EndpointTestRequest, signal: AbortSignal): Promise<EndpointTestResult> {
    if (this.#running.size >= CONCURRENCY) {
      throw new RequestError(
        429,
        'too-many-requests',
        `${CONCURRENCY} tests run already; try again in a moment.`,
        1,
      );
    }
    const stop = new AbortController();
    this.#running.add(stop);
    // A timer: Node 20 forgets an `AbortSignal.timeout` inside `AbortSignal.any` when it collects garbage.
    const timer = setTimeout(() => stop.abort(new DeadlinePassed()), request.timeout);
    const abandon = () => stop.abort(signal.reason);
    signal.addEventListener('abort', abandon, { once: true });
    if (signal.aborted) abandon();
    try {
      return await this.#run(request, stop.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abandon);
      this.#running.delete(stop);
    }
  }

  /** Ends all tests; their callers get a result that says so. */
  close(): void {
    for (const stop of this.#running) stop.abort(new Error('The companion is stopping.'));
  }

  async #run(request: EndpointTestRequest, signal: AbortSignal): Promise<EndpointTestResult> {
    const type = receiverType(request.type);
    if (type === undefined)
      throw new RequestError(400, 'unsupported', `Type "${request.type}" cannot be tested.`);
    const upstream = upstreamOf(request.block);
    const certificates = await RelayCertificates.create();
    const relay = new Relay(upstream, certificates);
    let scratch: ScratchAlertmanager | null = null;
    try {
      const config = scratchConfig(type, request.block, { url: await relay.start(), ca: certificates.ca });
      scratch = await ScratchAlertmanager.start(
        this.options.alertmanager,
        this.options.scratchDir,
        toYaml(config),
      );
      return resultOf(await Promise.race([deliver(scratch, relay, request), whenAborted(signal)]));
    } catch (error) {
      if (signal.aborted) return resultOf(interrupted(relay.stage, signal, request.timeout));
      if (!(error instanceof ScratchError)) throw error;
      return resultOf(failed(new SecretScrubber(request.block).scrub(`Alertmanager: ${error.message}`)));
    } finally {
      await Promise.all([relay.stop(), scratch?.stop()]);
    }
  }
}

class DeadlinePassed extends Error {}

async function deliver(
  scratch: ScratchAlertmanager,
  relay: Relay,
  request: EndpointTestRequest,
): Promise<Exchange> {
  const client = new AlertmanagerClient(await scratch.url());
  const now = Date.now();
  const alert = {
    labels: request.labels,
    annotations: request.annotations,
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + HOUR).toISOString(),
  };
  const posted = await client.call('POST', '/api/v2/alerts', request.timeout, JSON.stringify([alert]));
  if (posted.status !== 200) throw new ScratchError(posted.body.trim());
  const notNotified = scratch.notifyFailed.catch((error: unknown) => {
    const { stage } = relay;
    if (stage.name === 'idle') throw error;
    // The relay knows better why.
    return stage.name === 'redirected' ? stage.exchange : relay.exchange;
  });
  return Promise.race([relay.exchange, scratch.ended, notNotified]);
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

function interrupted(stage: Stage, signal: AbortSignal, timeout: number): Exchange {
  const reason: unknown = signal.reason;
  if (!(reason instanceof DeadlinePassed)) return failed(messageOf(reason));
  switch (stage.name) {
    case 'idle':
      return failed(`Alertmanager sent nothing within ${timeout} ms.`);
    case 'connecting':
      return failed(`No connection to ${stage.host} within ${timeout} ms.`);
    case 'waiting':
      return failed(`${stage.host} took the request and did not answer within ${timeout} ms.`);
    case 'redirected':
      return stage.exchange;
  }
}

function failed(error: string): Exchange {
  return { statusCode: null, latency: null, response: null, error };
}

function resultOf({ statusCode, latency, response, error }: Exchange): EndpointTestResult {
  const delivered = statusCode !== null && statusCode >= 200 && statusCode < 300;
  const refusal = delivered || statusCode === null ? null : `The receiver answered ${statusCode}.`;
  return { delivered, statusCode, latency, response, error: error ?? refusal };
}
