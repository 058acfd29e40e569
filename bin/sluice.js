#!/usr/bin/env node
// The command line. A built installation runs dist/; a clone runs its sources through tsx.
import { existsSync } from "node:fs";

const built = new URL("../dist/src/processes/main.js", import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  const { register } = await import("tsx/esm/api");
  register();
  await import(new URL("../src/processes/main.ts", import.meta.url).href);
}
