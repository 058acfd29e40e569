// Which service a command talks to and with which key.
//
//   SLUICE_URL   where the API answers; else SLUICE_PUBLIC_URL, else SLUICE_HOST and SLUICE_PORT
//   SLUICE_KEY   the API key; else the keys of the first start, in <data dir>/keys.json, readable by the user who runs Sluice
//
// A key is never an option: arguments are visible to everybody on the machine.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig, type Config } from "../config/config.ts";
import { ServiceError } from "../domain/errors.ts";
import type { CliDeps } from "./deps.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { sluice } from "./typed.ts";

/** Which of the first keys a command needs where SLUICE_KEY is not set. */
export type Holder = "installation" | "default";

/** The configuration of this machine. @throws CliError with every problem, one per line */
export function configOf(deps: Pick<CliDeps, "environment">): Config {
  try {
    return parseConfig(deps.environment);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw new CliError(exitCodes.usage, "The configuration is not valid.", {
      details: error.detail?.split("\n") ?? [],
      hint: `Correct the environment; ${sluice} check-config prints what is in force, docs/configuration.md lists all.`,
    });
  }
}

/** Where the API answers. */
export function serviceUrl(deps: Pick<CliDeps, "environment">, config: Config): string {
  const given = deps.environment["SLUICE_URL"] ?? "";
  if (given === "") return config.publicUrl ?? `http://${reachable(config.host)}:${config.port}`;
  if (!/^https?:\/\//.test(given) || !URL.canParse(given))
    throw new CliError(exitCodes.usage, `SLUICE_URL is not a URL: ${given}`, {
      hint: "Give it as http://host:port.",
    });
  return given;
}

/** Who listens on every address is reached on this machine's own. */
const reachable = (host: string): string =>
  ["0.0.0.0", "::", "[::]"].includes(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;

const keysPath = ({ dataDir }: Config): string => join(dataDir, "keys.json");

/** What to do where the key that a command used may not do it; undefined: the service says it better. */
export function forbiddenHint(
  { environment }: Pick<CliDeps, "environment">,
  config: Config,
  needed: Holder,
): string | undefined {
  const given = (environment["SLUICE_KEY"] ?? "") !== "";
  // The first key of a tenant has every scope: what it may not do is the installation's.
  if (needed === "default")
    return given ? undefined : "Say --installation: then the installation's first key is used.";
  const make = `${sluice} key create --installation --holder-kind person --holder NAME --scopes read,operate,admin`;
  return given
    ? `SLUICE_KEY holds a key that may not. Unset it on the machine of the service, and the installation's first key is used (installation in ${keysPath(config)}); or make another one: ${make}`
    : `Set SLUICE_KEY to a key of the installation that may: ${make}`;
}

const keysFile = z.object({ installation: z.string(), default: z.string() });

/** The API key a command uses. */
export async function serviceKey(
  deps: Pick<CliDeps, "environment">,
  config: Config,
  holder: Holder,
): Promise<string> {
  const given = deps.environment["SLUICE_KEY"] ?? "";
  if (given !== "") return given;
  const path = keysPath(config);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new CliError(
      exitCodes.usage,
      `No API key: SLUICE_KEY is not set and ${path} is not there (${code}).`,
      {
        hint: `Set SLUICE_KEY, or make a key: ${sluice} key create --tenant default --holder-kind person --holder NAME --scopes admin`,
      },
    );
  });
  const keys = keysFile.safeParse(parsed(text));
  if (keys.success) return keys.data[holder];
  throw new CliError(exitCodes.usage, `${path} is damaged.`, {
    hint: `Set SLUICE_KEY, or delete the file and make a key with ${sluice} key create.`,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
