/** Types of what the tests need of members.mjs. */
export function masked(url: string): string;
