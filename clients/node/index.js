export { appendTo } from './audit.js';
export { Cache, RedisTooSlow, recordsKind } from './cache.js';
