/** Tokens of images and documents, and sources that cannot be read. */
import { invalidRequest } from "../api-error.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { Model } from "../models.ts";
import { countTokens } from "../tokenizer.ts";

const pixelsPerToken = 750;
/** The most one image can cost: 1.15 megapixels on older models, high resolution on 4.7 and later. */
const imageTokensMax = { plain: 1_600, dense: 4_784 } as const;
const pageTokens = 3_000;

/** By pixels where the header of a PNG says them, else the maximum. */
export const imageTokens = (source: unknown, dense: boolean): number => {
  const most = dense ? imageTokensMax.dense : imageTokensMax.plain;
  const data = isObject(source) ? textOf(source["data"]) : "";
  if (!data.startsWith("iVBORw0KGgo")) return most;
  const head = Buffer.from(data.slice(0, 64), "base64");
  if (head.length < 24) return most;
  return Math.min(
    most,
    Math.max(1, Math.ceil((head.readUInt32BE(16) * head.readUInt32BE(20)) / pixelsPerToken)),
  );
};

/** Plain text by its tokens, a PDF by its pages: text and picture of each. */
export const documentTokens = (source: unknown, model: Model): number => {
  if (!isObject(source)) return 0;
  if (source["type"] === "text") return countTokens(textOf(source["data"]), model.denseTokens);
  const page = pageTokens + (model.denseTokens ? imageTokensMax.dense : imageTokensMax.plain);
  const body = Buffer.from(textOf(source["data"]), "base64").toString("latin1");
  return Math.max(1, [...body.matchAll(/\/Type\s*\/Page(?![a-z])/g)].length) * page;
};

/** Throws for a URL source that cannot be fetched: one whose host is not a name with a dot, or says so ("unreachable"). */
export const checkSources = (params: JsonObject): void => {
  for (const message of listOf(params["messages"])) {
    const content = isObject(message) ? message["content"] : undefined;
    if (!Array.isArray(content)) continue;
    for (const block of content as unknown[]) {
      const source = isObject(block) ? block["source"] : undefined;
      if (isObject(source) && source["type"] === "url" && !isReachable(textOf(source["url"]))) {
        throw invalidRequest("Unable to download the file. Please verify the URL and try again.");
      }
    }
  }
};

const isReachable = (url: string): boolean =>
  /^https:\/\/[^/]+\.[^/]+/.test(url) && !url.includes("unreachable") && !/\.invalid(\/|$)/.test(url);
