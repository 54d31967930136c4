import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { compressRelease, listRelease } from './vite.release';

// When the release was made, in seconds: of two tabs with different ones, the older lets go of the store. Who
// wants the same bytes from the same source sets SOURCE_DATE_EPOCH.
const madeAt = process.env['SOURCE_DATE_EPOCH'] ?? String(Math.floor(Date.now() / 1000));

export default defineConfig({
  define: { __VECHE_MADE_AT__: JSON.stringify(madeAt) },
  plugins: [svelte(), listRelease(), compressRelease()],
  build: {
    target: 'es2022',
    // The server's content security policy allows neither data: scripts nor inline ones.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    rollupOptions: {
      input: ['index.html', 'src/service-worker.ts'],
      output: {
        // The service worker keeps its address from release to release: by it the browser looks for a newer one.
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  worker: { format: 'es' },
  // Tests run the components as a browser does, not as a server would.
  ...(process.env['VITEST'] && { resolve: { conditions: ['browser'] } }),
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    // None of them waits for a clock; a busy machine is given all the time it needs.
    testTimeout: 60_000,
  },
});
