import { isWhittleError } from "@whittle/core";

/** What went wrong in one line, for someone who does not know the code. */
export function describeFailure(error: unknown): string {
  if (isWhittleError(error, "listen"))
    return `${oneLine(error.message)}; choose another with --port and --host (--port 0: any free one)`;
  if (isWhittleError(error)) return oneLine(error.message);
  if (isSystemError(error)) return describeSystemError(error);
  return `unexpected error: ${oneLine(error instanceof Error ? error.message : String(error))} (--verbose shows where)`;
}

function describeSystemError({ code, path = "", message }: NodeJS.ErrnoException): string {
  switch (code) {
    case "ENOENT":
      return `${path}: no such file or folder`;
    case "ENOTDIR":
      return `${path}: not a folder`;
    case "EISDIR":
      return `${path}: is a folder, but a file is needed`;
    case "EACCES":
    case "EPERM":
      return `${path}: no permission to read it`;
    default:
      return oneLine(message);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
