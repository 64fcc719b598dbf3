import { HostTensor, philox, purpose, samplingLaw, uniform } from "@whittle/core";
import { type Expected } from "./expected.js";
import { type Judge } from "./run.js";

/** How far a device's cumulative law may be off: f32 exponentials of arguments that matter, and f32 thresholds. */
const epsilon = 1e-5;

/** An id must be the reference's unless the draw lies within ε of an edge of the cumulative law, where a probability within ε of what minP or topP asks for may fall on either side. */
export const sampleJudge: Judge = {
  complaint(expected, got, row) {
    const { logits, settings } = argsOf(expected);
    const [id, wanted] = [got.at(row), expected.results[0]!.at(row)];
    if (id === wanted) return undefined;
    if (settings.at(row, 0) === 0) return `row ${row}: the argmax is ${wanted}, not ${id}`;
    const u = drawOf(expected, row);
    for (const law of nearbyLaws(logits, settings, row)) if (idsNear(law, u).includes(id)) return undefined;
    return `row ${row}: drew ${id} instead of ${wanted} for u = ${u}, settings ${[0, 1, 2, 3].map((i) => settings.at(row, i)).join(", ")}`;
  },

  certain(expected, row) {
    const { logits, settings } = argsOf(expected);
    if (expected.failure || settings.at(row, 0) === 0) return true;
    const [u, wanted] = [drawOf(expected, row), expected.results[0]!.at(row)];
    return nearbyLaws(logits, settings, row).every((law) => idsNear(law, u).every((id) => id === wanted));
  },
};

function argsOf({ args }: Expected) {
  return args as { logits: HostTensor; settings: HostTensor; keys: HostTensor };
}

/** The uniform number of a row. */
function drawOf(expected: Expected, row: number): number {
  const { keys } = argsOf(expected);
  const counter = [keys.at(row, 3), keys.at(row, 2), purpose.sample, 0] as const;
  return uniform(philox(counter, [keys.at(row, 0), keys.at(row, 1)])[0]);
}

/** The ids that a draw within ε of u may give. */
function idsNear(law: ReturnType<typeof samplingLaw>, u: number): number[] {
  const ids: number[] = [];
  let cumulative = 0;
  for (const [id, probability] of law) {
    if (u > cumulative - epsilon && u < cumulative + probability + epsilon) ids.push(id);
    cumulative += probability;
  }
  return ids;
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
