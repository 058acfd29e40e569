/** The errors a fault can answer with: any status, and named kinds whose texts and headers are the provider's own. */
import { ApiError } from "./api-error.ts";
import type { ApiErrorShape } from "./api-error.ts";
import { numberParam, textParam } from "./faults.ts";
import type { FaultRule } from "./faults.ts";

const typeOfStatus: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  503: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const textOfStatus: Readonly<Record<number, string>> = {
  401: "invalid x-api-key",
  402: "There is a problem with your billing information.",
  403: "Your API key does not have permission to use the specified resource.",
  404: "Not found",
  408: "Request timeout",
  409: "Conflict",
  413: "Request exceeds the maximum size",
  429: "This request would exceed your organization's rate limit. Please try again later.",
  500: "Internal server error",
  503: "Service unavailable",
  504: "Request timed out",
  529: "Overloaded",
};

const edgePage = (status: number, title: string): string =>
  `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n`;

const limitError = (message: string, rest: Partial<ApiErrorShape>): ApiErrorShape => ({
  status: 429,
  type: "rate_limit_error",
  message,
  ...rest,
});
const moneyStop = (message: string, headers: Readonly<Record<string, string>> = {}): ApiErrorShape => ({
  status: 400,
  type: "invalid_request_error",
  message,
  headers,
});

const kinds: Readonly<Record<string, ApiErrorShape>> = {
  rate_limited: limitError(
    "This request would exceed your organization's rate limit of 50,000 input tokens per minute. Please try again later.",
    {
      headers: { "retry-after": "2", "x-should-retry": "true" },
    },
  ),
  ramp_limit: limitError("Your usage has grown too quickly. Please increase it more gradually.", {
    code: "ramp_limit_exceeded",
    headers: { "retry-after": "5" },
  }),
  spend_limit: limitError("Your organization has reached its monthly spend limit.", {
    code: "enforced_spend_limit_reached",
  }),
  contract_limit: limitError("Your organization has reached its contracted spend limit.", {
    code: "contract_spend_limit_reached",
  }),
  absurd_retry_after: limitError(
    "This request would exceed your organization's rate limit. Please try again later.",
    {
      headers: { "retry-after": "86400" },
    },
  ),
  usage_limit: moneyStop(
    "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
  ),
  workspace_usage_limit: moneyStop(
    "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
  ),
  credit_too_low: moneyStop(
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    {
      "x-should-retry": "false",
    },
  ),
  on_hold: { ...moneyStop("This organization has been disabled."), code: "organization_on_hold" },
  edge_413: {
    status: 413,
    type: "request_too_large",
    message: "",
    html: edgePage(413, "Payload Too Large"),
    headers: { connection: "close" },
  },
  edge_502: { status: 502, type: "api_error", message: "", html: edgePage(502, "Bad Gateway") },
  edge_503: {
    status: 503,
    type: "api_error",
    message: "",
    html: edgePage(503, "Service Temporarily Unavailable"),
  },
};

export const errorKinds: readonly string[] = Object.keys(kinds);

const headersOf = (rule: FaultRule): Record<string, string> => {
  const retryAfter = rule.params["retry_after"];
  const shouldRetry = rule.params["should_retry"];
  return {
    ...(retryAfter === undefined || retryAfter === null ? {} : { "retry-after": String(retryAfter) }),
    ...(shouldRetry === undefined || shouldRetry === null ? {} : { "x-should-retry": String(shouldRetry) }),
  };
};

/**
 * The error of an `error` fault. Params: `kind` (one of `errorKinds`) or `status`, and over either `type`, `message`,
 * `code`, `retry_after` (seconds), `should_retry`, `html` (true: a plain edge page instead of JSON).
 */
export const faultError = (rule: FaultRule): ApiError => {
  const status = numberParam(rule, "status", 500);
  const base = kinds[textParam(rule, "kind") ?? ""] ?? {
    status,
    type: typeOfStatus[status] ?? "api_error",
    message: textOfStatus[status] ?? `Simulated error ${status}`,
    headers: status === 429 ? { "retry-after": "1" } : {},
  };
  const said = rule.params;
  return new ApiError({
    ...base,
    type: textParam(rule, "type") ?? base.type,
    message: textParam(rule, "message") ?? base.message,
    code: textParam(rule, "code") ?? base.code,
    headers: { ...base.headers, ...headersOf(rule) },
    html: said["html"] === true ? edgePage(base.status, base.message) : base.html,
  });
};
