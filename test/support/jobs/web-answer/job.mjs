// A type that searches the web: what its own definition has to say for that (declared input, bounded uses, caps).
export const jobType = ({ defineJobType, z }) =>
  defineJobType({
    name: "web-answer",
    owner: "test",
    description: "Answers a question from the web.",
    dir: import.meta.dirname,
    input: z.strictObject({
      question: z.string().min(1),
      uses: z.int().optional(),
      max_tokens: z.int().min(1).optional(),
      speed: z.string().optional(),
    }),
    fields: {
      question: { trust: "instruction" },
      uses: { trust: "instruction" },
      max_tokens: { trust: "instruction" },
      speed: { trust: "instruction" },
    },
    output: null,
    render: ({ question, uses, max_tokens: maxTokens, speed }) => ({
      model: "claude-haiku-5-5",
      max_tokens: maxTokens ?? 300,
      speed,
      tools: [{ type: "web_search_20250305", name: "web_search", max_uses: uses }],
      messages: [{ role: "user", content: question }],
    }),
    inputTokensMax: 5_000,
    caps: { serverToolUsesMax: 3, continuationsMax: 4, totalTokensMax: 60_000 },
    prompts: [
      {
        version: 1,
        file: "prompts/v1.md",
        sha256: "7517a7bf6ef7a8b822b35b3a29b9ef79c43b977da47578a80d72eff11ca16a84",
      },
    ],
  });
