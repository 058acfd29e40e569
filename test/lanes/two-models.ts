// Work for two models, of which the tests have one refused.
export const refused = "claude-sonnet-4-6";
export const allowed = "claude-haiku-4-5";

/** The refused model's jobs in front of the others. */
export const mixed = (each: number): Record<string, unknown>[] =>
  [refused, allowed].flatMap((model) =>
    Array.from({ length: each }, (_, n) => ({
      model,
      max_tokens: 64,
      messages: [{ role: "user", content: `What is ${n} and ${n}?` }],
    })),
  );
