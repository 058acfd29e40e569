// Two projects. `unit` calls pure rules and needs nothing: `npx vitest run --project unit`. `stores` runs against a real
// PostgreSQL and a real Redis, started once for the run; its files wait for I/O more than for the processor, and each has its
// own database and key prefix, so two of them run side by side without disturbing each other.
import { defineConfig } from "vitest/config";

const unit = ["test/unit/**/*.test.ts", "test/tidy*.test.ts", "test/tidy/**/*.test.ts"];
// What only concerns root is left out for others.
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { name: "unit", include: unit, testTimeout: 30_000 } },
      {
        test: {
          name: "stores",
          include: ["test/**/*.test.ts"],
          exclude: [...unit, ...(isRoot ? [] : ["test/stores/*-as-root.test.ts"])],
          globalSetup: ["test/support/global-setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
