/** Where a library says what a user may want to know. The shape of pino's and console's methods; `fields` are plain values. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** The default everywhere: libraries say nothing unless asked to. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
