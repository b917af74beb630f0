/** Types of what tests in TypeScript use of `mongodb.mjs`. */
export function withDatabase(url: string, database: string): string;
export function dropDatabase(url: string): Promise<void>;
