// What the provider counts as a bound. Bytes bound every tokenizer and are three to four times the tokens of plain text; the
// provider's own count is close and only an estimate. So a count may stand in for the bytes, with a margin on top, for a model whose
// counts have been compared with its bills often enough and were never wrong by more than that margin. One that was switches the model
// off: from the commit that books it, every hold is by bytes again, until a person has looked.
//
// Margins are whole basis points (a hundredth of a percent) and everything is integer arithmetic, here and in the functions of
// migration 0008 that say the same in SQL.

/** Answers whose bill was compared with their count before a count is believed. */
export const countSamplesMin = 50;

/** The margin a model begins with, in basis points: a tenth. Bytes are so far above that a wider margin costs little. */
export const countMarginBpDefault = 1_000;

/** Widest margin a person may give: twice the count is still below the bytes of most text. */
export const countMarginBpMax = 10_000;

/** What is known of the counts of one model. */
export interface CountTrust {
  readonly marginBp: number;
  /** Answers compared since it was switched on. */
  readonly samples: number;
  /** The margin that would have covered the worst of them. */
  readonly worstBp: number;
  readonly off: boolean;
}

/** Whether holds may rest on this model's counts. */
export function isTrusted({ off, samples, worstBp, marginBp }: CountTrust): boolean {
  return !off && samples >= countSamplesMin && worstBp <= marginBp;
}

/** The bound that a count makes: with its margin, rounded up. */
export function boundOfCount(countedTokens: number, marginBp: number): number {
  return Math.ceil((countedTokens * (10_000 + marginBp)) / 10_000);
}

/** The least margin in basis points whose bound covers what was billed. */
export function marginNeededBp(countedTokens: number, billedTokens: number): number {
  return Math.max(0, Math.floor((Math.max(billedTokens - 1, 0) * 10_000) / countedTokens) - 9_999);
}

/**
 * The input bound of a hold: by bytes, or by the count where there is one, its model is trusted and it is the lower. Zero counts are
 * those of requests the provider does not count.
 */
export function heldInputTokens(
  bytesBound: number,
  countedTokens: number | null,
  trust: CountTrust | undefined,
): number {
  if (countedTokens === null || countedTokens === 0 || trust === undefined || !isTrusted(trust))
    return bytesBound;
  return Math.min(bytesBound, boundOfCount(countedTokens, trust.marginBp));
}
