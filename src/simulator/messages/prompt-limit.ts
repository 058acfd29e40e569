import { invalidRequest } from "../api-error.ts";

/** The prompt alone is over the window. Prompt plus max_tokens over the window is accepted and may stop early. */
export const tooLongPrompt = (tokens: number, most: number) =>
  invalidRequest(`prompt is too long: ${tokens} tokens > ${most} maximum`);
