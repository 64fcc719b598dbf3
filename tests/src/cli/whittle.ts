import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const model = "models/books-5m";

export interface Ended {
  readonly code: number | null;
  /** What ended it, where it did not end by itself. */
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A program under way. */
export interface Running {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<Ended>;
  /** Waits until what was printed (default: on stdout) matches. Rejects when the program ends before. */
  until(pattern: RegExp, on?: "out" | "err"): Promise<RegExpExecArray>;
}

/** Starts a built program of this repository, in its root. `input` is all of its stdin; null leaves that open. */
export function startProgram(file: string, args: readonly string[], input: string | null = ""): Running {
  if (!existsSync(`${root}/${file}`)) throw new Error(`${file} is not built: run node scripts/bootstrap.cjs build`);
  const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: "pipe" });
  const printed = { out: "", err: "" };
  const watchers = new Set<() => void>();
  for (const [name, stream] of [
    ["out", child.stdout],
    ["err", child.stderr],
  ] as const) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
      for (const watcher of watchers) watcher();
    });
  }
  child.stdin.on("error", () => {});
  if (input !== null) child.stdin.end(input);
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal, ...printed })),
  );
  return {
    child,
    out: () => printed.out,
    err: () => printed.err,
    ended,
    until: (pattern, on = "out") =>
      new Promise((resolve, reject) => {
        const check = () => {
          const match = pattern.exec(printed[on]);
          if (!match) return;
          watchers.delete(check);
          resolve(match);
        };
        watchers.add(check);
        void ended.then(({ code, signal }) =>
          reject(new Error(`ended with ${code ?? signal} before ${String(pattern)}:\n${printed.out}${printed.err}`)),
        );
        check();
      }),
  };
}

export function startWhittle(args: readonly string[], input: string | null = ""): Running {
  if (!existsSync(`${root}/packages/cli/dist/index.js`))
    throw new Error("the cli is not built: run node scripts/bootstrap.cjs build");
  return startProgram("packages/cli/bin/whittle.js", args, input);
}

export function whittle(args: readonly string[], input = ""): Promise<Ended> {
  return startWhittle(args, input).ended;
}
