/** Types of eventstored.mjs, for the tests. */
export interface EventStoredNode {
  readonly folder: string;
  readonly port: number;
  readonly replicationPort: number;
  readonly otherPorts?: readonly number[];
  readonly tls?:
    | { readonly certificateFile: string; readonly keyFile: string; readonly authoritiesFolder: string }
    | undefined;
  readonly isInMemory?: boolean;
}
export function findEventStored(env?: Readonly<Record<string, string | undefined>>): string | undefined;
export function eventStoredCommand(program: string, node: EventStoredNode): string[];
