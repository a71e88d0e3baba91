import type { DatamillError } from '../../errors.ts';

/** Makes the error for a place in a text, by offset. */
export type Problem = (offset: number, message: string) => DatamillError;
