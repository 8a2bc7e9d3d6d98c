import type { ReadingRules } from '../../src/api/http/slow-readers.js';

/** As the settings have it where nothing is set. */
export const usualReading: ReadingRules = { leastBytes: 64 * 1024, mostWaitingBytes: 64 * 1024 * 1024 };
