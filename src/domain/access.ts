// Who may do what. A key carries scopes; a broader scope includes what it could not be used without:
//   admin   ─▶ operate ─▶ submit, read
// `submit` does not include `read`: a key in a form or an exporter can hand in work and see nothing of anybody's results.

export const scopes = ["submit", "read", "operate", "admin"] as const;
export type Scope = (typeof scopes)[number];

const included: Record<Scope, readonly Scope[]> = {
  submit: ["submit"],
  read: ["read"],
  operate: ["operate", "submit", "read"],
  admin: ["admin", "operate", "submit", "read"],
};

export const holderKinds = ["person", "service"] as const;
export type HolderKind = (typeof holderKinds)[number];

/** Whether the text names a scope. */
export const isScope = (text: string): text is Scope => scopes.some((scope) => scope === text);

/** Whether a key with these scopes may do what needs `needed`. */
export function mayDo(granted: readonly Scope[], needed: Scope): boolean {
  return granted.some((scope) => included[scope].includes(needed));
}
