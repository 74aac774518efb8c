import { parseLabelSelector } from '../store/label-selector.js';
import type { ListOptions } from '../store/object-store.js';
import type { ListQueryDto } from './query.dto.js';

/** The store's words for the query of a list. @throws DomainError `malformed` for a selector that cannot be read */
export function listOptions({ limit, cursor, labelSelector }: ListQueryDto): ListOptions {
  return {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(labelSelector === undefined ? {} : { selector: parseLabelSelector(labelSelector) }),
  };
}
