import { HostTensor, philox, purpose, samplingLaw, uniform } from "@whittle/core";
import { type Expected } from "./expected.js";

/** How far a device's cumulative law may be off: f32 exponentials of arguments that matter, and f32 thresholds. */
const epsilon = 1e-5;

/**
 * What is wrong with a sampled id, if anything: it must be the reference's unless the draw lies within ε of an edge of the cumulative law, where a
 * probability within ε of what minP or topP asks for may fall on either side.
 */
export function judgeSample({ args, results }: Expected, got: HostTensor, row: number): string | undefined {
  const { logits, settings, keys } = args as { logits: HostTensor; settings: HostTensor; keys: HostTensor };
  const [id, wanted] = [got.at(row), results[0]!.at(row)];
  if (id === wanted) return undefined;
  if (settings.at(row, 0) === 0) return `row ${row}: the argmax is ${wanted}, not ${id}`;
  const counter = [keys.at(row, 3), keys.at(row, 2), purpose.sample, 0] as const;
  const u = uniform(philox(counter, [keys.at(row, 0), keys.at(row, 1)])[0]);
  for (const law of nearbyLaws(logits, settings, row)) {
    let cumulative = 0;
    for (const [candidate, probability] of law) {
      if (candidate === id && u > cumulative - epsilon && u < cumulative + probability + epsilon) return undefined;
      cumulative += probability;
    }
  }
  return `row ${row}: drew ${id} instead of ${wanted} for u = ${u}, settings ${[0, 1, 2, 3].map((i) => settings.at(row, i)).join(", ")}`;
}

/** The law of a row's settings, and those of settings ε away. */
function nearbyLaws(logits: HostTensor, settings: HostTensor, row: number): ReturnType<typeof samplingLaw>[] {
  const [temperature, topK, topP, minP] = [0, 1, 2, 3].map((i) => settings.at(row, i)) as [
    number,
    number,
    number,
    number,
  ];
  const nearby = (x: number) => (x > 0 && x < 1 ? [x, x * (1 - epsilon), x * (1 + epsilon)] : [x]);
  return nearby(topP).flatMap((p) =>
    nearby(minP).map((m) => {
      // One row of settings, at the row where samplingLaw looks for it.
      const changed = HostTensor.limits([row + 1, 4]);
      [temperature, topK, p, m].forEach((value, i) => changed.set(value, row, i));
      return samplingLaw(logits, changed, row);
    }),
  );
}
