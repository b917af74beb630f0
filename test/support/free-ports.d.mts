/** Types of `free-ports.mjs` for tests written in TypeScript. */
export function freePorts(count: number): Promise<number[]>;
export function freePort(): Promise<number>;
