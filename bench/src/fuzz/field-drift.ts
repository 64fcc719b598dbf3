import { requestFields } from "@whittle/serving";
import { endpoints } from "./requests.js";

/** Accepted as changing nothing, so no schema of a generation has it; drawn as one for all of those. */
const NEUTRAL = "user";

/** Where the fuzzer's table and the API's fields differ, as `<route> <field>`. */
export function fieldDrift(): string[] {
  const known = namesOf(requestFields);
  const drawn = namesOf(
    Object.fromEntries(Object.entries(endpoints).map(([route, fields]) => [route, Object.keys(fields)])),
  );
  const missing = [...known].filter((name) => !drawn.has(name));
  const gone = [...drawn].filter((name) => !known.has(name) && !name.endsWith(` ${NEUTRAL}`));
  return [...missing, ...gone];
}

function namesOf(fields: Readonly<Record<string, readonly string[]>>): Set<string> {
  return new Set(Object.entries(fields).flatMap(([route, names]) => names.map((name) => `${route} ${name}`)));
}
