// Small server-rendered pages: text is escaped by construction, there is no script, and the layout is one style sheet.

/** Markup that needs no escaping any more. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | bigint | readonly Html[];

/** A template whose values are escaped unless they are markup already. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...parts.map(rendered)));
}

function rendered(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return escaped(String(part));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? "");

const style = new Html(`
  :root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2563eb; }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1.5rem; }
  header { display: flex; gap: 1rem; align-items: baseline; border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; }
  header strong { font-size: 1.1rem; } header nav { margin-left: auto; display: flex; gap: 1rem; align-items: baseline; }
  h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
  .tag { border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .6rem; font-size: .85rem; }
  .simulated { background: #b45309; border-color: #b45309; color: #fff; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1rem 0; } dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
  .wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; } th { font-weight: 600; opacity: .7; }
  form.sign-in { max-width: 24rem; margin: 12vh auto 0; } label { display: block; margin: 1rem 0 .3rem; }
  input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem .6rem; border: 1px solid var(--line); border-radius: .4rem; }
  button { font: inherit; padding: .5rem 1.1rem; border: 0; border-radius: .4rem; background: var(--accent); color: #fff; cursor: pointer; margin-top: 1rem; }
  button.quiet { background: none; color: inherit; border: 1px solid var(--line); padding: .15rem .7rem; margin: 0; }
  button.danger { background: #b91c1c; font-size: 1.4rem; font-weight: 600; padding: 1rem 2rem; } form.stop { max-width: 36rem; }
  .fault { border-left: 3px solid #dc2626; padding: .4rem .8rem; background: var(--soft); } a { color: var(--accent); }
`);

export interface Frame {
  readonly title: string;
  /** Path of the board's pages, `/admin`. */
  readonly basePath: string;
  readonly simulated: boolean;
  /** Who is signed in; undefined on the sign-in page. */
  readonly actor?: string;
}

/** A whole page. */
export function page({ title, basePath, simulated, actor }: Frame, body: Html): string {
  const label = simulated ? html`<span class="tag simulated">SIMULATED</span>` : html``;
  const signOut = html`<form method="post" action="${basePath}/sign-out">
    <button class="quiet">Sign out</button>
  </form>`;
  const nav =
    actor === undefined
      ? html``
      : html`<nav>
          <a href="${basePath}/queues">Queues</a><a href="${basePath}/stop">Stop</a
          ><span>${actor}</span>${signOut}
        </nav>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · Sluice</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <header><strong>Sluice</strong>${label}${nav}</header>
        ${body}
      </body>
    </html> `.text;
}

/** A list of names and values; what has no value is left out. */
export function facts(
  rows: readonly (readonly [name: string, value: Html | string | number | bigint | null])[],
): Html {
  const known = rows.flatMap(([name, value]) =>
    value === null || value === ""
      ? []
      : [
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
        ],
  );
  return html`<dl>${known}</dl>`;
}

export function table(
  head: readonly string[],
  rows: readonly (readonly (Html | string | number | bigint | null)[])[],
): Html {
  const titles = head.map((name) => html`<th>${name}</th>`);
  const lines = rows.map(
    (row) =>
      html`<tr>
        ${row.map((cell) => html`<td>${cell ?? "–"}</td>`)}
      </tr>`,
  );
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${titles}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
}
