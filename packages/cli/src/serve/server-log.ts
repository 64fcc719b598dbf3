import { type Logger } from "@whittle/core";
import { pino } from "pino";
import { type Terminal } from "../terminal.js";
import { type LogFormat, type LogLevel } from "./server-options.js";

/** How a server says what happens. */
export interface ServerLog {
  readonly logger: Logger;
  /** Lines are for people. */
  readonly pretty: boolean;
}

/** One line for each thing that happens, on stderr: JSON (by pino) for programs, short text for people. `auto` takes text on a terminal. */
export function serverLog(
  terminal: Terminal,
  { logLevel, logFormat }: { logLevel: LogLevel; logFormat: LogFormat },
): ServerLog {
  const pretty = logFormat === "pretty" || (logFormat === "auto" && terminal.stderr.isTTY === true);
  const stream = pretty
    ? { write: (line: string) => void terminal.stderr.write(prettyLine(JSON.parse(line) as LogRecord)) }
    : terminal.stderr;
  const sink = pino(
    {
      level: logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const logger: Logger = {
    debug: (message, fields = {}) => sink.debug(fields, message),
    info: (message, fields = {}) => sink.info(fields, message),
    warn: (message, fields = {}) => sink.warn(fields, message),
    error: (message, fields = {}) => sink.error(fields, message),
  };
  return { logger, pretty };
}

export interface LogRecord {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `20:15:03 POST /v1/completions 200 134 ms model=books-5m` */
export function prettyLine({ level, time, msg, ...fields }: LogRecord): string {
  const parts = [
    // Local time: that of whoever reads it.
    new Date(time).toTimeString().slice(0, 8),
    ...(level === "info" ? [] : [level]),
    ...(msg === "request" ? requestParts(fields) : [msg, ...pairs(fields)]),
  ];
  return `${parts.join(" ")}\n`;
}

function requestParts({ method, path, status, durationMs, requestId: _, ...rest }: Record<string, unknown>): string[] {
  return [String(method), String(path), String(status), `${String(durationMs)} ms`, ...pairs(rest)];
}

function pairs(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
}
