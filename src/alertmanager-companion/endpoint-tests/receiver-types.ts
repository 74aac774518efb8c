/** How the deliveries of a receiver type are watched. */
export interface ReceiverType {
  /** Key of Alertmanager's receiver under which its blocks stand. */
  list: string;
  /** Over HTTP the block has an `http_config`, through which the relay gets between. */
  transport: 'http';
}

/** The receiver types that can be tested, by Alertmanager's name without `_configs`. */
const TYPES: ReadonlyMap<string, ReceiverType> = new Map([
  ['webhook', { list: 'webhook_configs', transport: 'http' }],
]);

export function receiverType(name: string): ReceiverType | undefined {
  return TYPES.get(name);
}

export function receiverTypeNames(): string[] {
  return [...TYPES.keys()];
}
