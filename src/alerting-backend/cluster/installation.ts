import type { Operation } from '../../platform/operations/operation.js';

export const INSTALLATION_KIND = 'alerting-installation';
/** There is one alerting backend. */
export const INSTALLATION_ID = 'alerting';

/** Desired state: whether the alerting backend runs. How it runs is the configuration's to say. */
export interface Installation {
  state: 'installed' | 'uninstalled';
  /** Of an uninstallation: whether silences, notification log and messages go, too. */
  deleteData: boolean;
  /** The newest operation that works towards what is wanted. */
  operationId: string;
  /** Operations that were still under way when the newest was added; they end with it. */
  earlierOperationIds?: string[];
}

export const INSTALL_OPERATION = 'alerting.install';
export const UNINSTALL_OPERATION = 'alerting.uninstall';
/** Brings a new configuration to what runs. */
export const CONFIGURE_OPERATION = 'alerting.configure';

/** Steps of an installation and of a new configuration, in order. */
export const INSTALL_STEPS = ['find-components', 'start-members', 'deliver-configuration'] as const;
export const UNINSTALL_STEPS = ['stop-members'] as const;

/** Every operation that ends when what is wanted now is reached, the newest last. */
export function operationIdsOf({ operationId, earlierOperationIds = [] }: Installation): string[] {
  return [...earlierOperationIds, operationId];
}

export function isConfigure(operation: Operation | undefined): boolean {
  return operation?.kind === CONFIGURE_OPERATION;
}
