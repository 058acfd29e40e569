/** What tells attempts apart: a job may have two that end together. */
export const attemptName = ({ jobId, attemptNo }: { jobId: string; attemptNo: number }): string =>
  `${jobId}-${attemptNo}`;
