// What a budget is: a ceiling on money for a scope and a window, managed by a tenant or by the installation.
//
// Several budgets may bind the same work, and a hold is taken in all of them or in none. A budget of a tenant binds that tenant's
// work only; one of the installation binds everybody's.

export const budgetScopes = ["global", "tenant", "queue", "job_type", "label", "bulk"] as const;
export type BudgetScope = (typeof budgetScopes)[number];

/**
 * What happens to work for which there is no room. wait: it waits for the next window or a raise. reject: new submissions are refused
 * while nothing of them fits; what was accepted before waits. downgrade: realtime work that may wait goes to the batch lane.
 */
export const whenBoundRules = ["wait", "reject", "downgrade"] as const;
export type WhenBound = (typeof whenBoundRules)[number];

/** What becomes of work that no budget covers. */
export const unbudgetedRules = ["refuse", "allow"] as const;
export type Unbudgeted = (typeof unbudgetedRules)[number];
