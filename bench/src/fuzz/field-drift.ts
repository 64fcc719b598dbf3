import { neutralFields, requestFields } from "@whittle/serving";
import { endpoints } from "./requests.js";

/** Where the fuzzer's table and the API's fields differ, as `<route> <field>`. */
export function fieldDrift(): string[] {
  const known = new Set([...namesOf(requestFields), ...namesOf(neutralFields)]);
  const drawn = namesOf(
    Object.fromEntries(Object.entries(endpoints).map(([route, fields]) => [route, Object.keys(fields)])),
  );
  const missing = [...known].filter((name) => !drawn.has(name));
  const gone = [...drawn].filter((name) => !known.has(name));
  return [...missing, ...gone];
}

function namesOf(fields: Readonly<Record<string, readonly string[]>>): Set<string> {
  return new Set(Object.entries(fields).flatMap(([route, names]) => names.map((name) => `${route} ${name}`)));
}
