// One signed POST, by the Standard Webhooks scheme: `webhook-id` is the same for every try of a message, so a receiver that has seen
// it may drop the rest; `webhook-timestamp` is that of this try; `webhook-signature` covers both and the body.
//
// A redirect is a refusal: a signed message goes where the operator said and nowhere else. What the receiver answers beyond its
// status is not read. Failures are codes of our own, so that nothing a receiver says gets into our rows or logs.
import { Webhook } from "standardwebhooks";

export interface WebhookTarget {
  readonly url: string;
  /** As in ALERT_WEBHOOK_SECRET. */
  readonly secret: string;
  readonly timeoutMs: number;
}

export interface WebhookMessage {
  readonly id: string;
  readonly at: Date;
  /** JSON. */
  readonly body: string;
}

export type Sent = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** Sends once. Never throws: what goes wrong with a receiver is an answer. */
export async function postSigned(target: WebhookTarget, message: WebhookMessage): Promise<Sent> {
  const { id, at, body } = message;
  try {
    const answer = await fetch(target.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "sluice",
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
        "webhook-signature": new Webhook(target.secret).sign(id, at, body),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(target.timeoutMs),
    });
    await answer.body?.cancel().catch(() => undefined);
    return answer.ok ? { ok: true } : { ok: false, error: statusCode(answer.status) };
  } catch (error) {
    return { ok: false, error: faultCode(error) };
  }
}

const statusCode = (status: number): string =>
  `${status >= 300 && status < 400 ? "redirect" : "http"}_${status}`;

function faultCode(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return "timed_out";
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  return typeof code === "string" && /^[A-Z_]{1,40}$/.test(code) ? code.toLowerCase() : "unreachable";
}
