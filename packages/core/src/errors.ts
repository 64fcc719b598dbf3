const brand = Symbol.for("whittle.error");

/** Base of every error that Whittle throws on purpose. `code` is stable; the message says what came and what was expected. */
export class WhittleError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether a value is a Whittle error, also across copies of this package (no `instanceof` across packages). */
export function isWhittleError(value: unknown, code?: string): value is WhittleError {
  return (
    typeof value === "object" &&
    value !== null &&
    brand in value &&
    (code === undefined || ("code" in value && value.code === code))
  );
}

/** An argument whose shape does not fit: names the op, the argument, what came and what was expected. */
export class ShapeError extends WhittleError {
  constructor(message: string) {
    super("shape", message);
  }
}

/** An argument whose dtype, kind or value does not fit. */
export class ArgumentError extends WhittleError {
  constructor(message: string) {
    super("argument", message);
  }
}

/** The device has no kernel for this op (it never falls back to the reference in silence). */
export class UnsupportedOp extends WhittleError {
  /** `activations`: the dtype that is missing, where the device has the op for others. */
  constructor(op: string, device: string, activations?: string) {
    const what = activations === undefined ? "this op" : `this op with ${activations} activations`;
    super("unsupported_op", `${op}: the device "${device}" has no kernel for ${what}`);
  }
}

/** The device's byte budget is used up. Thrown at the call that asks for memory. */
export class OutOfMemory extends WhittleError {
  readonly bytes: number;

  constructor(what: string, bytes: number, free: number, budget: number) {
    super(
      "out_of_memory",
      `${what}: needs ${bytes} bytes, but only ${free} of the device's budget of ${budget} are free`,
    );
    this.bytes = bytes;
  }
}

/** An op failed while it ran. Its outputs, and all that is derived from them, reject with this error on `read()`. */
export class DeviceError extends WhittleError {
  readonly op: string;

  constructor(op: string, reason: string) {
    super("device", `${op}: ${reason}`);
    this.op = op;
  }
}

/** The device as a whole is gone (closed, or a fault in native code or the driver); open a new one. */
export class DeviceLost extends WhittleError {
  constructor(reason: string) {
    super("device_lost", reason);
  }
}

/** A tensor was used after `dispose()` or after the scope that owned it. */
export class DisposedError extends WhittleError {
  constructor(what: string) {
    super("disposed", what);
  }
}

/** A checkpoint file that cannot be read as what it claims to be: names the file and what is wrong. */
export class CheckpointError extends WhittleError {
  constructor(file: string, reason: string) {
    super("checkpoint", `${file}: ${reason}`);
  }
}
