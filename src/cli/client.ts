// The REST API, as commands and scripts call it. A refusal becomes a CliError in the service's own words; a service that does not
// answer becomes one that says how to start it. Nothing is repeated here: who waits (watch) decides how long.
import type { Readable } from "node:stream";
import { Readable as NodeReadable } from "node:stream";
import { z } from "zod";
import { CliError, exitCodes } from "./exit-codes.ts";
import { hintsHere } from "./in-options.ts";
import { cliLimits } from "./limits.ts";
import { sluice } from "./typed.ts";

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Call {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, with these headers; not bounded in time. */
  readonly upload?: {
    readonly content: Readable | string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Client {
  readonly url: string;
  /** One request whose answer is JSON. @throws CliError refused | unreachable */
  request(method: "GET" | "POST" | "PUT" | "DELETE", path: string, call?: Call): Promise<unknown>;
  /** One request whose answer is a stream of lines. */
  stream(path: string, query?: Query): Promise<NodeReadable>;
}

interface ClientOptions {
  readonly url: string;
  readonly key: string;
  /** For a key of the installation: the tenant it acts for. */
  readonly tenant?: string | undefined;
  /** What to do where the key may not do that, if the command knows better than the service. */
  readonly forbiddenHint?: string | undefined;
}

export function createClient({ url, key, tenant, forbiddenHint }: ClientOptions): Client {
  const common = {
    authorization: `Bearer ${key}`,
    ...(tenant === undefined ? {} : { "sluice-tenant": tenant }),
  };
  const send = async (
    method: string,
    path: string,
    call: Call,
    timeoutMs: number | null,
  ): Promise<Response> => {
    const target = withQuery(new URL(path, url), call.query ?? {});
    const answer = await fetch(target, {
      method,
      headers: { ...common, ...call.headers, ...bodyHeaders(call) },
      ...bodyOf(call),
      ...(timeoutMs === null ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
    }).catch((cause: unknown) => {
      throw unreachable(url, cause);
    });
    if (!answer.ok) throw await refusal(answer, forbiddenHint);
    return answer;
  };
  return {
    url,
    async request(method, path, call = {}) {
      const answer = await send(
        method,
        path,
        call,
        call.upload === undefined ? cliLimits.requestTimeoutMs : null,
      );
      const text = await answer.text().catch((cause: unknown) => {
        throw unreachable(url, cause);
      });
      return text === "" ? undefined : (JSON.parse(text) as unknown);
    },
    async stream(path, query = {}) {
      const answer = await send("GET", path, { query, headers: { "accept-encoding": "gzip" } }, null);
      return answer.body === null ? NodeReadable.from([]) : NodeReadable.fromWeb(answer.body);
    },
  };
}

function withQuery(target: URL, query: Query): URL {
  for (const [name, value] of Object.entries(query)) {
    for (const one of typeof value === "string" ? [value] : (value ?? []))
      target.searchParams.append(name, one);
  }
  return target;
}

function bodyHeaders(call: Call): Readonly<Record<string, string>> {
  if (call.upload !== undefined) return call.upload.headers;
  return call.body === undefined ? {} : { "content-type": "application/json" };
}

function bodyOf({ body, upload }: Call): RequestInit {
  if (upload === undefined) return body === undefined ? {} : { body: JSON.stringify(body) };
  if (typeof upload.content === "string") return { body: upload.content };
  return { body: NodeReadable.toWeb(upload.content), duplex: "half" };
}

function unreachable(url: string, cause: unknown): CliError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error && "code" in inner ? String(inner.code) : "no answer";
  return new CliError(exitCodes.unreachable, `Nothing answers at ${url} (${reason}).`, {
    hint: `Start the service with ${sluice} start, or say with SLUICE_URL where it is.`,
  });
}

const problemSchema = z.object({
  title: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  code: z.string().optional(),
  errors: z
    .array(z.object({ line: z.number().optional(), field: z.string(), reason: z.string() }))
    .default([]),
});

async function refusal(answer: Response, forbiddenHint: string | undefined): Promise<CliError> {
  const text = await answer.text().catch(() => "");
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success)
    return new CliError(exitCodes.refused, `The answer was ${answer.status} and not one of Sluice.`, {
      hint: "Check SLUICE_URL: something else answers there.",
    });
  const { title, detail, code, errors } = problem.data;
  const hint =
    (code === "forbidden_scope" ? forbiddenHint : undefined) ?? hintsHere[code ?? ""] ?? problem.data.hint;
  const fields = errors.slice(0, cliLimits.errorsShownMax);
  const left = errors.length - fields.length;
  return new CliError(exitCodes.refused, [title, detail].filter((part) => part !== undefined).join(" "), {
    hint: `${hint ?? "See docs/errors.md."}${code === undefined ? "" : ` (${code})`}`,
    fields,
    details: left === 0 ? [] : [`and ${left} more`],
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
