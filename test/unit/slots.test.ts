import { expect, test } from "vitest";
import { isServiceError } from "../../src/domain/errors.ts";
import { createSlots } from "../../src/intake/slots.ts";

test("only so many at once; giving one back twice frees one", () => {
  const slots = createSlots(2, 7);
  const first = slots.take();
  slots.take();
  let refusal: unknown;
  try {
    slots.take();
  } catch (error) {
    refusal = error;
  }
  expect(isServiceError(refusal, "too_many_requests") && refusal.retryAfterS).toBe(7);
  first();
  first();
  slots.take();
  expect(() => slots.take()).toThrow("too many requests");
});
