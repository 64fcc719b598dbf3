import { type Point, type Versus } from "./point.js";

/** Prints what was measured of a point, a line for each figure. */
export function printPoint({ figures, limits, sameTokens, shape, format }: Point): void {
  console.log(`  ${shape} ${format}`);
  console.log(
    `  limits: read ${limits.readGBps.toFixed(1)} GB/s, f32 ${limits.multiplyAddGflops.toFixed(0)} GFLOP/s, 8-bit codes ${limits.dotCodesGops.toFixed(0)} GOP/s`,
  );
  for (const { peer, compared, agree, gap } of sameTokens) {
    const after = gap === undefined ? "" : `; then our two most probable ones are ${gap.toExponential(1)} apart`;
    console.log(`  ${peer}: the first ${agree} of ${compared} greedy tokens are the same${after}`);
  }
  for (const name of ["prefill", "decode", "batch"] as const) {
    const versus = figures[name];
    if (versus) printVersus(name, versus);
  }
  if (figures.rows) {
    const curve = figures.rows.map(
      ({ rows, tokensPerSecond, fraction }) => `${rows}: ${rate(tokensPerSecond)} (${fraction.toFixed(2)})`,
    );
    console.log(`  rows     ${curve.join("  ")}`);
  }
  const fresh = figures["first-token"];
  if (fresh) {
    const { whittle, peer } = fresh;
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    console.log(
      `  first token ${whittle.firstTokenMs.toFixed(0)} ms, peer ${peer.firstTokenMs.toFixed(0)} ms; peak ${mib(whittle.peakBytes)}, peer ${mib(peer.peakBytes)}`,
    );
  }
}

function printVersus(name: string, { whittle, peers }: Versus): void {
  const ours = `${rate(whittle.tokensPerSecond).padStart(8)} tokens/s (${whittle.fraction.toFixed(2)} of the limit)`;
  console.log(`  ${name.padEnd(8)} ${ours}`);
  for (const { peer, tokensPerSecond, fraction, way, ratio, goal } of peers) {
    const theirs = `${rate(tokensPerSecond).padStart(8)} (${fraction.toFixed(2)}; ${way})`;
    console.log(`    ${peer.padEnd(16)} ${theirs.padEnd(44)} ${ratio.toFixed(2)}x${goal ? `, goal ${goal}x` : ""}`);
  }
}

function rate(tokensPerSecond: number): string {
  return tokensPerSecond.toFixed(tokensPerSecond < 100 ? 1 : 0);
}
