// Before the first test that needs stores: the servers of the run. Each test file clones a database and takes a prefix of its own.
import type { TestProject } from "vitest/node";
import { startServers } from "./servers.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The server's own database; tests take clones. */
    postgresUrl: string;
    redisUrl: string;
    templateDatabase: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { postgresUrl, redisUrl, templateDatabase, stop } = await startServers();
  project.provide("postgresUrl", postgresUrl);
  project.provide("redisUrl", redisUrl);
  project.provide("templateDatabase", templateDatabase);
  return stop;
}
