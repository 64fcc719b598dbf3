import { type ActivationDType } from "@whittle/core";
import { type WeightFormat } from "@whittle/models";
import { type CacheOptions } from "../model-options.js";

/** A model to serve. What it leaves out is as the server's options say. */
export interface ModelSource {
  /** What requests call it. Default: the folder's name. */
  readonly name?: string;
  readonly folder: string;
  readonly ctx?: number;
  readonly maxSequences?: number;
  readonly activations?: ActivationDType;
  readonly weights?: WeightFormat;
  readonly bf16Activations?: boolean;
  readonly cacheDtype?: ActivationDType;
}

/** Everything that `whittle serve` can be told, whether by flags or by a file. */
export interface ServerOptions extends CacheOptions {
  readonly models: readonly ModelSource[];
  readonly port: number;
  readonly host: string;
  readonly maxSequences: number;
  readonly maxWaiting: number;
  /** Milliseconds for an answer whose request names no limit. Default: as long as it takes. */
  readonly timeout?: number;
  readonly apiKeys: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly ignoreUnknownFields: boolean;
  readonly bodyLimit: number;
  readonly maxConnections: number;
  /** Seconds that requests under way may take to finish after the first signal. */
  readonly grace: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["auto", "json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

/** What holds where neither a flag nor the file says otherwise. */
export const serverDefaults = {
  models: [],
  port: 8000,
  host: "127.0.0.1",
  maxSequences: 32,
  maxWaiting: 1024,
  apiKeys: [],
  allowedHosts: [],
  allowedOrigins: [],
  ignoreUnknownFields: false,
  bodyLimit: 2 ** 20,
  maxConnections: 1024,
  grace: 300,
  logLevel: "info",
  logFormat: "auto",
} as const satisfies ServerOptions;
