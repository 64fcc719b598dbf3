export interface Section {
  readonly title: string;
  /** What the picture or table shows, and how it was measured. */
  readonly text: string;
  readonly body: string;
}

const style = `
:root { --paper: #fff; --ink: #1c2024; --soft: #5c6570; --line: #d9dde2; --a: #2563b8; --b: #b4561a; --c: #1f8055; --d: #8a3fa8; --goal: #c22f2f; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --ink: #e4e7ea; --soft: #9aa3ad; --line: #353b42; --a: #6ea8f0; --b: #e59a5f; --c: #5fc496; --d: #cb8be6; --goal: #ff7a70; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p, .legend { color: var(--soft); } b { color: var(--ink); }
svg { --plot-background: var(--paper) !important; color: var(--ink); max-width: 100%; height: auto; display: block; }
.narrow { display: none; }
@media (max-width: 640px) { .wide { display: none; } .narrow { display: block; } }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.875rem; white-space: nowrap; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 500; }
.legend span { margin-right: 1em; } .legend i { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%; margin-right: 0.35em; }
`;

/** One file that needs no other. */
export function page(title: string, lead: string, sections: readonly Section[]): string {
  const bodies = sections.map(
    ({ title: head, text, body }) => `<h2>${escape(head)}</h2>\n<p>${escape(text)}</p>\n${body}`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
<h1>${escape(title)}</h1>
<p>${escape(lead)}</p>
${bodies.join("\n")}
</html>
`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${row(head, "th")}${rows.map((cells) => row(cells, "td")).join("")}</table></div>`;
}

export function legend(items: readonly { readonly name: string; readonly color: string }[]): string {
  const parts = items.map(({ name, color }) => `<span><i style="background: ${color}"></i>${escape(name)}</span>`);
  return `<div class="legend">${parts.join("")}</div>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
