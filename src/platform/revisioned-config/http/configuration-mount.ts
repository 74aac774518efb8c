import type { Write } from '../../store/object-store.js';
import type { ConfigurationDocuments } from '../configuration-documents.js';
import type { DryRunDto } from './configuration.dto.js';

/** An operation that rolls a new document out, with the writes that start it. */
export interface Rollout {
  operationId: string;
  writes: Write[];
}

export type ConfigurationPreview = Pick<DryRunDto, 'impact' | 'config' | 'manifests'>;

/**
 * What a backend adds to the engine: its documents, and what follows from a change of them. The class that extends it is
 * the token that the backend's controller injects.
 */
export abstract class ConfigurationMount<T extends object> {
  abstract readonly documents: ConfigurationDocuments<T>;
  /** What a change of what runs would mean; documents have their secrets in clear, the answer has none. */
  abstract preview(before: T, after: T): Promise<ConfigurationPreview>;
  /** Plans the operation that brings what is about to be written to what runs; `undefined` while nothing runs. */
  abstract rollout(): Promise<Rollout | undefined>;
}
