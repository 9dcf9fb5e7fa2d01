import { defineConfig } from "vitest/config"

/**
 * `npm run test:e2e`: the page in a real browser, against real clusters. Not part of `npm test`: it needs Chromium, and
 * some minutes.
 */
export default defineConfig({
  ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
  test: {
    root: import.meta.dirname,
    include: ["*.e2e.ts"],
    // One browser and one cluster at a time: they share the machine.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000
  }
})
