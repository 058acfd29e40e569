// docker-compose.yml as a test sees it: parsed, anchors and merges resolved, variables replaced by their defaults.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

export const root = join(import.meta.dirname, "../..");

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const serviceSchema = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal("."), target: z.string() }).optional(),
  command: z.array(scalar).optional(),
  environment: z.record(z.string(), scalar).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  restart: z.enum(["unless-stopped", "no"]),
  stop_grace_period: z.string().optional(),
  profiles: z.array(z.string()).default([]),
  deploy: z.strictObject({ replicas: z.int().min(1) }).default({ replicas: 1 }),
  depends_on: z
    .record(
      z.string(),
      z.strictObject({ condition: z.enum(["service_healthy", "service_completed_successfully"]) }),
    )
    .default({}),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal("CMD")], z.string()),
      interval: z.string(),
      timeout: z.string(),
      retries: z.int().min(1),
      start_period: z.string().optional(),
    })
    .optional(),
});
export type ComposeService = z.infer<typeof serviceSchema>;

const fileSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()),
});

/** The services by name. A member this schema does not know fails: it would be a typing mistake, which compose also refuses. */
export function readComposeFile(): z.infer<typeof fileSchema> {
  const text = readFileSync(join(root, "docker-compose.yml"), "utf8");
  return fileSchema.parse(parse(text, (_, value: unknown) => withDefault(value), { merge: true }));
}

/** `${NAME:-default}` in a value becomes its default, as where nothing is set. */
const withDefault = (value: unknown): unknown =>
  typeof value === "string" ? value.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1") : value;

/** Names of the variables an operator may set. */
export function variablesOf(): string[] {
  const text = readFileSync(join(root, "docker-compose.yml"), "utf8");
  return [...new Set(Array.from(text.matchAll(/\$\{([A-Z_]+)/g), (match) => match[1] ?? ""))];
}
