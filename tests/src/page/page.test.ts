import { type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startProgram, type Running } from "../cli/whittle.js";
import { findChromium, launch } from "./chromium.js";

const chromium = findChromium();
if (!chromium) console.log("Page tests are skipped: no Chromium on the path (Debian: apt-get install chromium).");

describe.skipIf(!chromium)("the page of npm start", () => {
  let server: Running;
  let url: string;
  let browser: Browser;
  let page: Page;
  const requested: string[] = [];
  const complaints: string[] = [];
  /** Bodies that the page sent to the API. */
  let sent: Record<string, unknown>[];

  beforeAll(async () => {
    server = startProgram("examples/server/dist/main.js", ["--port", "0"]);
    url = (await server.until(/http:\/\/127\.0\.0\.1:\d+/))[0];
    browser = await launch(chromium!);
  });

  afterAll(async () => {
    await browser?.close();
    server.child.kill("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0, signal: null, err: "" });
  });

  beforeEach(async () => {
    sent = [];
    page = await browser.newPage();
    page.on("request", (request) => {
      requested.push(request.url());
      if (request.method() === "POST") sent.push(request.postDataJSON() as Record<string, unknown>);
    });
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(url);
  });

  afterEach(() => page.close());

  const prompt = () => page.getByLabel("Your beginning");
  const setting = (label: string) => page.getByLabel(label, { exact: true });
  const button = (name: string) => page.getByRole("button", { name });
  const status = () => page.locator("span[role=status]:visible");
  const text = async () => (await page.locator("#text").textContent()) ?? "";
  const scrollsSideways = () =>
    page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");

  /** Writes on from a beginning until the answer is over. */
  async function write(tokens: number): Promise<string> {
    await setting("Tokens at most").fill(`${tokens}`);
    await button("Write").click();
    await status()
      .getByText(new RegExp(`^${tokens} tokens .* seed`))
      .waitFor();
    return text();
  }

  /** Presses Stop, or Escape where the keys go, when an element's text has changed eight times; gives back the lengths that it had. */
  async function stopWhenGrown(selector: string, by: "button" | "escape" = "button"): Promise<() => Promise<number[]>> {
    const press =
      by === "escape"
        ? `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }))`
        : `[...document.querySelectorAll("button")].find((one) => one.textContent === "Stop" && !one.disabled).click()`;
    // In the page, so that growth in steps shows even where the steps are quick.
    await page.evaluate(`
      window.lengths = [];
      const text = document.querySelector("${selector}");
      new MutationObserver((_, observer) => {
        window.lengths.push(text.textContent.length);
        if (window.lengths.length < 8) return;
        observer.disconnect();
        ${press};
      }).observe(text, { childList: true, characterData: true, subtree: true });
    `);
    return async () => (await page.evaluate("window.lengths")) as number[];
  }

  test("opens in completion mode, for the model cannot talk", async () => {
    await expect(page.getByRole("tab", { name: "Complete" }).getAttribute("aria-selected")).resolves.toBe("true");
    expect(await prompt().isVisible()).toBe(true);
    expect(await page.getByLabel("Your message").isVisible()).toBe(false);
  });

  test("streams what follows the prompt and says how fast", async () => {
    await prompt().fill("The captain looked at the sea");
    await setting("Seed").fill("11");
    const first = await write(60);
    expect(first.startsWith("The captain looked at the sea")).toBe(true);
    expect(first.length).toBeGreaterThan(100);
    expect(await status().textContent()).toMatch(/^60 tokens · \d+ tokens\/s · first after \d+ ms · seed 11$/);
    // The same seed gives the same text.
    expect(await write(60)).toBe(first);
  });

  test("stops at the button, and can go on with another", async () => {
    await setting("Tokens at most").fill("480");
    await setting("Seed").fill("1");
    const lengths = await stopWhenGrown("#text");
    await button("Write").click();
    await status()
      .getByText(/^stopped · \d+ tokens/)
      .waitFor();
    expect(new Set(await lengths()).size).toBeGreaterThan(4);
    expect(await button("Stop").isDisabled()).toBe(true);
    const stopped = await text();
    expect((await write(5)).length).toBeLessThan(stopped.length + 40);
  });

  test("sends every setting", async () => {
    await page.getByRole("slider", { name: "Temperature" }).fill("0.3");
    await setting("Seed").fill("7");
    await setting("Top-k").fill("40");
    await setting("Top-p").fill("0.9");
    await setting("Min-p").fill("0.05");
    await setting("Stop texts").fill("never written\nnor this");
    await write(8);
    expect(sent[0]).toMatchObject({
      model: "books-5m",
      temperature: 0.3,
      max_tokens: 8,
      seed: 7,
      top_k: 40,
      top_p: 0.9,
      min_p: 0.05,
      stop: ["never written", "nor this"],
    });
  });

  test("a stop text ends the text before it", async () => {
    await page.getByRole("slider", { name: "Temperature" }).fill("0");
    const whole = await write(40);
    const beginning = await prompt().inputValue();
    const word = whole.slice(beginning.length).split(" ")[6]!;
    await setting("Stop texts").fill(word);
    await button("Write").click();
    await page.locator("#text[aria-busy=false]").waitFor();
    const cut = await text();
    expect(cut.slice(beginning.length)).not.toContain(word);
    expect(whole.startsWith(cut)).toBe(true);
  });

  test("shows the server's own words when a request cannot be served", async () => {
    await setting("Tokens at most").fill("4000");
    await button("Write").click();
    await status().getByText(/512/).waitFor();
  });

  test("talks: by keyboard alone, with what was said before, and begins anew", async () => {
    await page.getByRole("tab", { name: "Complete" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { name: "Chat" }).getAttribute("aria-selected")).toBe("true");
    await page.getByText("only joins the messages").waitFor();
    await setting("Tokens at most").fill("12");

    const message = page.getByLabel("Your message");
    await message.fill("Who is there?");
    await message.press("Enter");
    await status()
      .getByText(/^12 tokens/)
      .waitFor();
    const answer = await page.locator(".assistant p").textContent();
    expect(answer!.length).toBeGreaterThan(10);
    expect(await message.inputValue()).toBe("");

    await message.fill("And where?");
    await message.press("Enter");
    await page.locator(".assistant p").nth(1).getByText(/\S/).waitFor();
    await page.locator("#talk[aria-busy=false]").waitFor();
    expect(sent[1]!["messages"]).toEqual([
      { role: "user", content: "Who is there?" },
      { role: "assistant", content: answer },
      { role: "user", content: "And where?" },
    ]);
    await button("New talk").click();
    expect(await page.locator(".message").count()).toBe(0);
  });

  test("a turn that fails is none, and can be sent again", async () => {
    await page.getByRole("tab", { name: "Chat" }).click();
    await setting("Tokens at most").fill("4000");
    const message = page.getByLabel("Your message");
    await message.fill("Who is there?");
    await message.press("Enter");
    await status().getByText(/512/).waitFor();
    expect(await message.inputValue()).toBe("Who is there?");
    expect(await page.locator(".message").count()).toBe(0);
    await setting("Tokens at most").fill("5");
    await button("Send").click();
    await status()
      .getByText(/^5 tokens/)
      .waitFor();
    expect(sent[1]!["messages"]).toEqual([{ role: "user", content: "Who is there?" }]);
  });

  test("stops an answer of a talk with Escape", async () => {
    await page.getByRole("tab", { name: "Chat" }).click();
    await setting("Tokens at most").fill("400");
    await setting("Seed").fill("1");
    const lengths = await stopWhenGrown("#talk", "escape");
    await page.getByLabel("Your message").fill("Tell me of the sea.");
    await page.getByLabel("Your message").press("Enter");
    await status()
      .getByText(/^stopped · \d+ tokens/)
      .waitFor();
    expect(new Set(await lengths()).size).toBeGreaterThan(4);
  });

  test("charts what the server does", async () => {
    const chart = (name: string) => page.getByRole("img", { name: new RegExp(`^${name} lately`) });
    // Idle: two samples are there, and nothing in them.
    await chart("Written").locator("polyline").waitFor({ state: "attached" });
    expect(await chart("Written").getAttribute("aria-label")).toBe("Written lately: now 0 tok/s, at most 0 tok/s");
    const idle = await chart("Written").locator("polyline").getAttribute("points");
    await write(200);
    for (const name of ["Written", "Read"])
      await page.getByRole("img", { name: new RegExp(`^${name} lately: .* at most [1-9]\\d* tok/s`) }).waitFor();
    await page.getByRole("img", { name: /^First token lately: now \d+(\.\d+)? ms/ }).waitFor();
    expect(await chart("Written").locator("polyline").getAttribute("points")).not.toBe(idle);
    expect(await page.getByText("live", { exact: true }).isVisible()).toBe(true);
  });

  test("asks nothing of anyone else, and has nothing to complain of", () => {
    expect(requested.filter((address) => !address.startsWith(url))).toEqual([]);
    // The refused request of a test before is the one thing that the console may name.
    expect(complaints.filter((line) => !line.includes("400 (Bad Request)"))).toEqual([]);
  });

  test("everything that takes input has a name", async () => {
    const nameless = await page.evaluate(`
      [...document.querySelectorAll("input, textarea, button")]
        .filter((one) => !(one.labels?.length > 0) && one.textContent.trim() === "")
        .map((one) => one.outerHTML)
    `);
    expect(nameless).toEqual([]);
  });

  test("fits a phone, in both modes", async () => {
    await page.setViewportSize({ width: 360, height: 640 });
    await page.reload();
    await page.getByText("Settings").click();
    await write(40);
    expect(await scrollsSideways()).toBe(false);
    await page.getByRole("tab", { name: "Chat" }).click();
    expect(await scrollsSideways()).toBe(false);
  });

  test.each(["light", "dark"] as const)("is %s where the system is, and can be read", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const [back, ink] = (await page.evaluate(`
      [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]
    `)) as [string, string];
    const [behind, before] = [luminance(back), luminance(ink)];
    expect(behind > before).toBe(colorScheme === "light");
    const [light, dark] = [Math.max(behind, before), Math.min(behind, before)];
    // WCAG's contrast for level AAA.
    expect((light + 0.05) / (dark + 0.05)).toBeGreaterThan(7);
  });
});

/** Relative luminance of `rgb(…)`, as WCAG defines it. */
function luminance(color: string): number {
  const [red, green, blue] = [...color.matchAll(/\d+/g)].map(([value]) => {
    const share = Number(value) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
