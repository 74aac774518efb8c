import autocannon from 'autocannon';

/**
 * @typedef {object} Load
 * @property {number} connections
 * @property {number} seconds
 * @property {object[]} requests as autocannon takes them
 */

/**
 * Loads a server and answers requests per second and its CPU per request, which the load of others hardly changes.
 * @param {import('./process.mjs').Server} server @param {Load} load
 */
export async function measure(server, { connections, seconds, requests }) {
  const before = server.cpuMs;
  const result = await autocannon({ url: server.url, connections, duration: seconds, requests, timeout: 20 });
  const failed = result.errors + result.non2xx;
  if (failed > 0) throw new Error(`${failed} of ${result.requests.total} requests to ${server.url} failed.`);
  return {
    rate: result.requests.total / result.duration,
    cpuUs: ((server.cpuMs - before) * 1000) / result.requests.total,
  };
}

/**
 * Ours and the peer's in turns, each round starting with the other one, after a warm-up of both.
 * @param {{server: import('./process.mjs').Server, requests: object[]}} ours
 * @param {{server: import('./process.mjs').Server, requests: object[]}} peer
 * @param {{connections: number, seconds?: number, rounds?: number}} options
 */
export async function compare(ours, peer, { connections, seconds = 3, rounds = 5 }) {
  const result = {
    ours: { rate: /** @type {number[]} */ ([]), cpuUs: /** @type {number[]} */ ([]) },
    peer: { rate: /** @type {number[]} */ ([]), cpuUs: /** @type {number[]} */ ([]) },
  };
  // By many clients, or a slow path would not be compiled before the first round.
  for (const { server, requests } of [ours, peer])
    await measure(server, { connections: 16, seconds: 4, requests });
  for (let round = 0; round < rounds; round++) {
    const pair = /** @type {const} */ (['ours', 'peer']);
    for (const side of round % 2 === 0 ? pair : pair.toReversed()) {
      const { server, requests } = side === 'ours' ? ours : peer;
      const { rate, cpuUs } = await measure(server, { connections, seconds, requests });
      result[side].rate.push(rate);
      result[side].cpuUs.push(cpuUs);
    }
  }
  return result;
}
