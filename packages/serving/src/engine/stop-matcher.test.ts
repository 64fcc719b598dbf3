import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopMatcher } from "./stop-matcher.js";

/** What a matcher gives out for parts of a text, one by one. */
function run(stops: string[], parts: string[]): { text: string; stopped: boolean; given: string[] } {
  const matcher = new StopMatcher(stops);
  const given: string[] = [];
  for (const part of parts) {
    const { text, stopped } = matcher.push(part);
    given.push(text);
    if (stopped) return { text: given.join(""), stopped, given };
  }
  return { text: given.join("") + matcher.flush(), stopped: false, given };
}

describe("stop texts", () => {
  it("are found across the borders of tokens, and no part of them is given", () => {
    expect(run(["END"], ["ab", "cE", "N", "D", "x"])).toMatchObject({
      text: "abc",
      stopped: true,
      given: ["ab", "c", "", ""],
    });
  });

  it("give back what turned out to be none", () => {
    expect(run(["END"], ["cE", "N", "x"])).toMatchObject({ text: "cENx", stopped: false, given: ["c", "", "ENx"] });
    expect(run(["END"], ["EN"])).toMatchObject({ text: "EN", stopped: false });
    expect(run(["aab"], ["a", "a", "a", "b"])).toMatchObject({ text: "a", stopped: true });
  });

  it("take the one that begins first", () => {
    expect(run(["bcd", "c"], ["ab", "cd"])).toMatchObject({ text: "a", stopped: true });
    expect(run([], ["any", "thing"])).toMatchObject({ text: "anything", given: ["any", "thing"] });
  });

  it("cut where the earliest stop is complete, however the text is divided", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(letters),
        fc.array(
          letters.filter((stop) => stop !== ""),
          { maxLength: 3 },
        ),
        (parts, stops) => {
          const whole = parts.join("");
          // Reading letter by letter: the stop that is complete first, of several complete at once the longest.
          let expected = whole;
          for (let end = 1; end <= whole.length; end++) {
            const ending = stops.filter((stop) => whole.slice(0, end).endsWith(stop));
            if (ending.length === 0) continue;
            expected = whole.slice(0, end - Math.max(...ending.map(({ length }) => length)));
            break;
          }
          const byLetter = run(stops, whole.split(""));
          expect(byLetter.text).toBe(expected);
          // Larger parts may show two stops at once; the text never goes on past the first that is complete.
          const { text } = run(stops, parts);
          expect(whole.startsWith(text)).toBe(true);
          expect(text.length).toBeLessThanOrEqual(expected.length);
          for (const stop of stops) expect(text).not.toContain(stop);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
