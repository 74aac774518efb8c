/** One requirement of a Kubernetes label selector, after parsing. */
export interface Requirement {
  key: string;
  operator: 'in' | 'notin' | 'exists' | 'absent';
  values: string[];
}

/** All requirements must hold. */
export type LabelSelector = Requirement[];
