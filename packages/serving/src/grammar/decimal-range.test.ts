import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type Bound, decimalRange } from "./decimal-range.js";

/** The EBNF of this module is a regular expression but for its strings and spaces. */
function matcher(body: string): RegExp {
  const spelled = body.replaceAll(/"((?:[^"\\]|\\.)*)"/g, (_, text: string) =>
    text.replaceAll(/\\u([0-9A-F]{4})/g, (_all, hex: string) => `\\x${hex.slice(2)}`).replaceAll(".", "\\."),
  );
  return new RegExp(`^(?:${spelled.replaceAll(" ", "")})$`);
}

const decimal = fc
  .tuple(fc.integer({ min: -2000, max: 2000 }), fc.constantFrom(1, 10, 100, 1000))
  .map(([n, d]) => n / d + 0);
const bound = fc.record({ value: decimal, open: fc.boolean() });
const infinite = (value: number): fc.Arbitrary<Bound> => fc.constant({ value, open: false });
/** As JSON has it, with zeros that say nothing; never -0. */
const written = fc
  .tuple(decimal, fc.constantFrom("", "0", "00"))
  .map(([value, zeros]) => `${value}${zeros !== "" && Number.isInteger(value) ? "." : ""}${zeros}`);

it("takes the decimals within its bounds, and no others", () => {
  fc.assert(
    fc.property(
      fc.oneof({ weight: 6, arbitrary: bound }, { weight: 1, arbitrary: infinite(-Infinity) }),
      fc.oneof({ weight: 6, arbitrary: bound }, { weight: 1, arbitrary: infinite(Infinity) }),
      fc.array(fc.oneof(written, fc.constantFrom("lo", "hi")), { minLength: 4, maxLength: 20 }),
      (least, most, texts) => {
        const body = decimalRange(least, most);
        const takes = body === undefined ? /^\b$/ : matcher(body);
        for (const text of texts) {
          const end = text === "lo" ? least.value : text === "hi" ? most.value : undefined;
          if (end !== undefined && !Number.isFinite(end)) continue;
          const said = end === undefined ? text : String(end);
          const value = Number(said);
          const within =
            (least.open ? value > least.value : value >= least.value) &&
            (most.open ? value < most.value : value <= most.value);
          expect([least, most, said, takes.test(said)]).toEqual([least, most, said, within]);
        }
      },
    ),
    { numRuns: 3000 },
  );
});
