// Tests run against real stores, so they wait for I/O more than for the processor; each file has its own database and key prefix.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
