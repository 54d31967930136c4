import { defineConfig } from 'vitest/config';

// Real browsers against a real server: slow, and so not part of `npm test`. VECHE_BIN_DIR names the folder of the
// built programs, VECHE_CHROMIUM the browser.
export default defineConfig(({ mode }) => ({
  test: {
    environment: 'node',
    include: [mode === 'test' ? 'stories/*.story.ts' : `stories/${mode}.ts`],
    fileParallelism: false,
    // What follows an act that failed would only fail for want of it.
    bail: 1,
    testTimeout: 600_000,
    hookTimeout: 300_000,
  },
}));
