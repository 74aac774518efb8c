import { ProxyError } from './upstream.js';

/** Why a receiver could not be reached, for a person; names host and port, never the path or credentials of its URL. */
export function failureWords(error: unknown, target: { host: string }): string {
  if (error instanceof ProxyError) return `No connection to ${target.host}: ${error.message}.`;
  const { code = '', message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  switch (code) {
    case 'ECONNREFUSED':
      return `${target.host} refused the connection: is the receiver running, and is the port right?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name of ${target.host} could not be resolved: is it spelled right, and does DNS know it?`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${target.host} closed the connection without an answer.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `${target.host} cannot be reached from here (${code}).`;
    case 'EPROTO':
      return `${target.host} does not speak TLS as expected: is the receiver really https on this port?`;
    default:
      if (code.startsWith('HPE_')) return `${target.host} did not answer in HTTP (${code}).`;
      if (isCertificateProblem(code)) {
        return `The TLS certificate of ${target.host} was not accepted: ${message} (${code}). Give its CA in "tls_config.ca", or correct the certificate.`;
      }
      return `The request to ${target.host} failed${code === '' ? '' : ` (${code})`}: ${message}.`;
  }
}

function isCertificateProblem(code: string): boolean {
  return /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code);
}
