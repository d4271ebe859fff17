export type * from './replies/account.js';
export type * from './replies/booking.js';
export type * from './replies/catalog.js';
export type * from './replies/queue.js';
export type { Language, Page, PageRequest } from './replies/reply.js';
