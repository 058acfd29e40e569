// The content blocks a message may hold: exactly those whose cost is bounded by what is in the request (src/domain/bound.ts).
// Everything is closed (`strictObject`): a misspelt parameter is named here, free of charge, and not by an errored line of a
// message batch an hour later.

import { z } from "zod";

export const cacheControl = z.strictObject({
  type: z.literal("ephemeral"),
  ttl: z.enum(["5m", "1h"]).optional(),
});

const visible = z
  .string()
  .refine((text) => /\S/.test(text), { message: "must have text other than white space" });
const base64 = z.base64().min(1);
const toolId = z.string().regex(/^[a-zA-Z0-9_-]{1,200}$/);

export const textBlock = z.strictObject({
  type: z.literal("text"),
  text: visible,
  cache_control: cacheControl.optional(),
});

const imageBlock = z.strictObject({
  type: z.literal("image"),
  source: z.strictObject({
    type: z.literal("base64"),
    media_type: z.enum(["image/jpeg", "image/png", "image/gif", "image/webp"]),
    data: base64,
  }),
  cache_control: cacheControl.optional(),
});

const documentBlock = z.strictObject({
  type: z.literal("document"),
  source: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("base64"), media_type: z.literal("application/pdf"), data: base64 }),
    z.strictObject({ type: z.literal("text"), media_type: z.literal("text/plain"), data: visible }),
  ]),
  title: z.string().optional(),
  context: z.string().optional(),
  cache_control: cacheControl.optional(),
});

const toolResultBlock = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: toolId,
  content: z
    .union([z.string(), z.array(z.discriminatedUnion("type", [textBlock, imageBlock, documentBlock]))])
    .optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl.optional(),
});

const toolUseBlock = z.strictObject({
  type: z.literal("tool_use"),
  id: toolId,
  name: z.string().min(1).max(200),
  input: z.record(z.string(), z.json()),
  cache_control: cacheControl.optional(),
});

const thinkingBlocks = [
  z.strictObject({ type: z.literal("thinking"), thinking: z.string(), signature: z.string() }),
  z.strictObject({ type: z.literal("redacted_thinking"), data: z.string() }),
] as const;

const userContent = z.union([
  visible,
  z.array(z.discriminatedUnion("type", [textBlock, imageBlock, documentBlock, toolResultBlock])).min(1),
]);
// A document directly in an assistant turn is a 400.
const assistantContent = z.union([
  visible,
  z.array(z.discriminatedUnion("type", [textBlock, toolUseBlock, ...thinkingBlocks])).min(1),
]);

export const turn = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), content: userContent }),
  z.strictObject({ role: z.literal("assistant"), content: assistantContent }),
]);
