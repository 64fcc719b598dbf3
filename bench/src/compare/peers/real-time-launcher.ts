import { execFileSync } from "node:child_process";

/**
 * A command that runs a peer in the real-time class, where this user may. Threads of llama.cpp and of onnxruntime wait for each other by spinning; on small virtual machines Linux
 * leaves two of them on one core, and a step of a small model then takes up to 15 times as long. The scheduler of the real-time class spreads them at once.
 */
export function realTimeLauncher(): string[] {
  const launcher = ["chrt", "--rr", "1"];
  try {
    execFileSync(launcher[0]!, [...launcher.slice(1), "true"], { stdio: "ignore" });
    return launcher;
  } catch {
    return [];
  }
}
