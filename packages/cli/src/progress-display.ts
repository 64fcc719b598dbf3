import { type Progress, type ProgressListener } from "@whittle/core";
import { Presets, SingleBar } from "cli-progress";
import { formatBytes } from "./byte-size.js";
import { say, type Terminal } from "./terminal.js";

/** Draws progress on stderr. */
export interface ProgressDisplay {
  readonly listener: ProgressListener;
  /** Takes the bar away. Call before anything else is written. */
  readonly stop: () => void;
}

/** A bar on a terminal; elsewhere (a pipe, a log) plain lines: one when a stage begins, then at most one every five seconds. */
export function progressDisplay(terminal: Terminal): ProgressDisplay {
  return terminal.stderr.isTTY ? bar(terminal) : progressLines((line) => say(terminal, line));
}

function bar(terminal: Terminal): ProgressDisplay {
  const drawn = new SingleBar(
    {
      format: "{stage} {bar} {percentage}% {amount}",
      stream: terminal.stderr as NodeJS.WriteStream,
      barsize: 30,
      clearOnComplete: true,
      // The commands handle Ctrl-C themselves.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let active = false;
  return {
    listener(progress) {
      if (progress.total === undefined) return;
      const payload = { stage: progress.stage, amount: amountOf(progress) };
      if (!active) {
        drawn.start(progress.total, progress.done, payload);
        active = true;
      } else {
        drawn.setTotal(progress.total);
        drawn.update(progress.done, payload);
      }
    },
    stop() {
      if (active) drawn.stop();
      active = false;
    },
  };
}

const quietMs = 5_000;

/** Progress as lines of text. */
export function progressLines(write: (line: string) => void): ProgressDisplay {
  let stage: string | undefined;
  let saidAt = 0;
  return {
    listener(progress) {
      const now = Date.now();
      if (progress.stage === stage && now - saidAt < quietMs) return;
      const first = progress.stage !== stage;
      stage = progress.stage;
      saidAt = now;
      write(first ? `${stage} …` : `${stage}: ${amountOf(progress)}`);
    },
    stop() {},
  };
}

function amountOf({ done, total, unit }: Progress): string {
  if (unit === "bytes")
    return total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  return total === undefined ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
}
