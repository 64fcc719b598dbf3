/** A fenced block of code in a Markdown text. */
export interface CodeBlock {
  language: string;
  /** What stands after the language on the fence: `no-run`. */
  info: string;
  /** The line of the opening fence, from 1. */
  line: number;
  code: string;
}

/** All fenced code blocks of a Markdown text, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: CodeBlock | undefined;
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    const fence = /^```(\S*)\s*(.*)$/.exec(line);
    if (open && fence) {
      blocks.push(open);
      open = undefined;
    } else if (open) {
      open.code += `${line}\n`;
    } else if (fence) {
      open = { language: fence[1]!, info: fence[2]!, line: index + 1, code: "" };
    }
  }
  if (open) throw new Error(`The code block that begins in line ${open.line} never ends.`);
  return blocks;
}

/** Whether CI runs the block: every `ts` and `js` block that is not marked `no-run`, and every `bash` block that is marked `runs`. */
export function isRunnable({ language, info }: CodeBlock): boolean {
  const marks = info.split(/\s+/);
  return language === "bash" ? marks.includes("runs") : ["ts", "js"].includes(language) && !marks.includes("no-run");
}
