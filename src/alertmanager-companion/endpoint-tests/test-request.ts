import type { EndpointTestRequest } from '../companion-api.js';
import { JsonError, isRecord } from '../http/parse-json.js';
import { RequestError } from '../http/request-error.js';
import { mustBeWritable } from '../syncer/canonical-config.js';
import { receiverType, receiverTypeNames } from './receiver-types.js';

const MAX_TIMEOUT = 120_000;

/** @throws RequestError 400 that names the field and never its value */
export function readTestRequest(value: unknown): EndpointTestRequest {
  if (!isRecord(value)) throw malformed('The body must be one JSON object.');
  const { type, block, labels, annotations, timeout } = value;
  if (typeof type !== 'string' || receiverType(type) === undefined) {
    throw malformed(`"type" must be one of: ${receiverTypeNames().join(', ')}. Others cannot be tested yet.`);
  }
  if (!isRecord(block)) throw malformed('"block" must be one element of the receiver list.');
  if (!isTexts(labels) || Object.keys(labels).length === 0)
    throw malformed('"labels" must be a non-empty object of texts.');
  if (!isTexts(annotations)) throw malformed('"annotations" must be an object of texts.');
  if (typeof timeout !== 'number' || !Number.isInteger(timeout) || timeout < 1 || timeout > MAX_TIMEOUT) {
    throw malformed(`"timeout" must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT}.`);
  }
  try {
    mustBeWritable(block);
  } catch (error) {
    if (error instanceof JsonError) throw malformed(`"block": ${error.message}`);
    throw error;
  }
  return { type, block, labels, annotations, timeout };
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
}

function malformed(detail: string): RequestError {
  return new RequestError(400, 'malformed', detail);
}
