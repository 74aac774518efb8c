/** One observed fact about an object, as in Kubernetes. */
export interface Condition {
  /** CamelCase, e.g. `Available`. */
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for machines. */
  reason: string;
  /** For people: what is so, and what to do about it. */
  message: string;
  /** RFC 3339: since when `status` is what it is. */
  lastTransitionTime: string;
  /** The revision of the desired state that it was observed on. */
  observedGeneration: number;
}

export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/** The new list, with the time of the last transition kept while the status stays. */
export function updateConditions(
  previous: Condition[],
  updates: ConditionUpdate[],
  now: string,
): Condition[] {
  return updates.map((update) => {
    const before = previous.find((condition) => condition.type === update.type);
    return {
      ...update,
      lastTransitionTime: before?.status === update.status ? before.lastTransitionTime : now,
    };
  });
}
