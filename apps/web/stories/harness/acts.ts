// A story in acts: they share a stage, and none complains of anything.

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Stage } from './stage';

/** Where pictures of what failed are put. */
const PICTURES = join(import.meta.dirname, '..', 'failed');

/** Sets a stage for all acts of a file, with further flags for its server. It is there from the first act on. */
export function onOneStage(...flags: string[]): { stage: Stage } {
  const holder: { stage?: Stage } = {};
  beforeAll(async () => {
    holder.stage = await Stage.set(flags);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await holder.stage?.takePictures(PICTURES, task.name);
    expect(holder.stage?.complaints()).toEqual([]);
  });
  afterAll(() => holder.stage?.end());
  return holder as { stage: Stage };
}
