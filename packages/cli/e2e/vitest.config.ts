import { defineConfig } from "vitest/config"

/**
 * `npm run test:hosts`: live nodes on hosts of their own, which are network namespaces, with delay, loss and cuts between
 * them. Not part of `npm test`: it needs root, nftables and iproute2, and two minutes.
 */
export default defineConfig({
  ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
  test: {
    root: import.meta.dirname,
    include: ["*.e2e.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000
  }
})
