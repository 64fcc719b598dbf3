import { expect, it } from "vitest";
import { strftime } from "./strftime.js";

it("writes dates as Python does, in English", () => {
  const date = new Date(2026, 2, 5, 15, 4, 9);
  expect(strftime(date, "%d %b %Y|%A, %B %e|%y-%m-%d %H:%M:%S|%I %p|100%%|%q")).toBe(
    "05 Mar 2026|Thursday, March  5|26-03-05 15:04:09|03 PM|100%|%q",
  );
});
