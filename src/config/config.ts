// The configuration: parsed once from the environment, all problems reported together, frozen, passed down. A mistyped name
// is an error and not a default that silently applies: unknown SLUICE_* names are refused with the nearest known one.
import type { z } from "zod";
import { ServiceError, type FieldError } from "../domain/errors.ts";
import { formatUsd } from "../domain/money.ts";
import { relationFaults } from "./relations.ts";
import { scriptVariables, settingsSchema } from "./settings.ts";

export type Config = z.output<typeof settingsSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

interface Setting {
  readonly key: string;
  /** Its name in the environment. */
  readonly name: string;
  readonly about: string;
  readonly secret: boolean;
}

/** Every setting, in the order of the table. */
export const settings: readonly Setting[] = Object.entries(settingsSchema.def.innerType.shape).map(
  ([key, schema]) => {
    const meta = schema.meta();
    return {
      key,
      name: meta?.title ?? key,
      about: meta?.description ?? "",
      secret: meta?.["secret"] === true,
    };
  },
);

/**
 * Parses an environment.
 * @throws ServiceError config_invalid with every problem in `fields`; reasons never repeat a secret's value
 */
export function parseConfig(environment: Environment): Config {
  const given = settings.map(({ key, name }) => [
    key,
    environment[name] === "" ? undefined : environment[name],
  ]);
  const parsed = settingsSchema.safeParse(Object.fromEntries(given));
  const faults = unknownNames(environment);
  if (parsed.success) faults.push(...relationFaults(parsed.data));
  else
    faults.push(
      ...parsed.error.issues.map((issue) => ({ field: nameOf(issue.path[0]), reason: issue.message })),
    );
  if (parsed.success && faults.length === 0) return parsed.data;
  const detail = faults.map(({ field, reason }) => `${field} ${reason}`).join("\n");
  throw new ServiceError("config_invalid", { detail, fields: faults });
}

const nameOf = (key: PropertyKey | undefined): string =>
  settings.find((one) => one.key === key)?.name ?? String(key);

/** The configuration of this process. */
export const loadConfig = (): Config => parseConfig(process.env);

function unknownNames(environment: Environment): FieldError[] {
  const known = [...settings.map(({ name }) => name), ...Object.keys(scriptVariables)];
  return Object.keys(environment)
    .filter((name) => name.startsWith("SLUICE_") && !known.includes(name))
    .map((name) => ({ field: name, reason: `is not a setting; did you mean ${nearestName(name, known)}?` }));
}

/** The known name with the fewest edits to the given one; the first of equals. */
export function nearestName(name: string, known: readonly string[]): string {
  return known.reduce(
    (best, next) => (editDistance(name, next) < editDistance(name, best) ? next : best),
    known[0] ?? "",
  );
}

// Levenshtein's distance, row by row. Names have about thirty characters: no need for more.
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [index, letter] of left.split("").entries()) {
    const next = [index + 1];
    for (const [at, other] of right.split("").entries()) {
      const replaced = (row[at] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

/** One line of `scripts/check-config.ts`: the effective value, masked if secret, and whether the environment gave it. */
export interface EffectiveSetting {
  readonly name: string;
  readonly value: string;
  readonly given: boolean;
  readonly about: string;
}

/** Every setting as it is in force. URLs of stores keep host and path, those of webhooks their host, other secrets only their last four characters. */
export function effectiveSettings(config: Config, environment: Environment): EffectiveSetting[] {
  const values = new Map(Object.entries(config));
  return settings.map(({ key, name, about, secret }) => ({
    name,
    value: shown(values.get(key), secret),
    given: (environment[name] ?? "") !== "",
    about,
  }));
}

function shown(value: string | number | bigint | readonly string[] | undefined, secret: boolean): string {
  if (value === undefined) return "(not set)";
  // Amounts are the only settings kept in nano-dollars.
  if (typeof value === "bigint") return formatUsd(value);
  const plain = typeof value === "object" ? value.join(",") : String(value);
  if (!secret) return plain;
  return URL.canParse(plain) ? maskedUrl(new URL(plain)) : maskedText(plain);
}

function maskedUrl(url: URL): string {
  // Of a webhook the path is the secret.
  if (url.protocol.startsWith("http")) return `${url.origin}/***`;
  if (url.password !== "") url.password = "***";
  for (const name of url.searchParams.keys()) url.searchParams.set(name, "***");
  return url.href;
}

const maskedText = (plain: string): string => (plain.length < 20 ? "***" : `***${plain.slice(-4)}`);

/** Plain http, beyond this machine. */
function travelsReadable(url: string | undefined): boolean {
  if (url === undefined) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !["127.0.0.1", "localhost", "[::1]"].includes(hostname);
}

/** Combinations that are allowed and probably not meant, each as one sentence. */
export function oddCombinations(config: Config): string[] {
  const local = ["127.0.0.1", "localhost", "::1"].includes(config.host);
  const url = new URL(config.providerUrl);
  const rules: readonly (readonly [odd: boolean, warning: string])[] = [
    [
      config.anthropicApiKey === undefined && url.hostname === "api.anthropic.com",
      "ANTHROPIC_API_KEY is not set: every call to the real API would be refused.",
    ],
    [
      config.anthropicApiKey !== undefined && url.hostname !== "api.anthropic.com",
      `ANTHROPIC_API_KEY is set and goes to ${url.host}, which is not the provider.`,
    ],
    [
      travelsReadable(config.providerUrl),
      "SLUICE_PROVIDER_URL is plain http: content and key travel readable.",
    ],
    [
      !local && config.publicUrl === undefined,
      "SLUICE_HOST listens beyond this machine and SLUICE_PUBLIC_URL is not set: links in answers follow the Host header.",
    ],
    [
      !local && config.publicUrl?.startsWith("http://") === true,
      "SLUICE_PUBLIC_URL is plain http: API keys travel readable.",
    ],
    [
      config.databaseUrl !== undefined && config.redisUrl === undefined,
      "DATABASE_URL is set and REDIS_URL is not: only processes on one machine share the queue.",
    ],
    [
      config.databaseUrl === undefined && config.redisUrl !== undefined,
      "REDIS_URL is set and DATABASE_URL is not: the embedded database serves one machine only.",
    ],
    [
      config.databaseUrl === undefined && config.roles.length < 4,
      "SLUICE_ROLES leaves roles out while the database is embedded: another process on this machine has to take them.",
    ],
    [
      config.concurrency * 60_000 < config.requestsPerMinute * 100,
      "SLUICE_CONCURRENCY is small for SLUICE_REQUESTS_PER_MINUTE: the pace will not be reached unless calls take under 0.1 s.",
    ],
    [
      config.drainTimeoutMs > config.callTimeoutMs,
      "SLUICE_DRAIN_TIMEOUT_MS is longer than any call: the rest of it is never used.",
    ],
    [
      config.batchLingerMs > config.pollMaxMs * 10,
      "SLUICE_BATCH_LINGER_MS is long: the last lines of an open bulk wait for it.",
    ],
    [
      config.alertWebhookUrl === undefined && config.publicUrl !== undefined,
      "ALERT_WEBHOOK_URL is not set: alerts are lines of the log and nobody is told.",
    ],
    [
      travelsReadable(config.alertWebhookUrl),
      "ALERT_WEBHOOK_URL is plain http: alerts travel readable, though nobody can forge them.",
    ],
    [config.logLevel === "silent", "SLUICE_LOG_LEVEL is silent: nothing will say why something failed."],
  ];
  return rules.filter(([odd]) => odd).map(([, warning]) => warning);
}
