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
    page = await browser.newPage();
    page.on("request", (request) => requested.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(url);
  });

  afterEach(() => page.close());

  const prompt = () => page.getByLabel("Your beginning");
  const write = () => page.getByRole("button", { name: "Write" });
  const stop = () => page.getByRole("button", { name: "Stop" });
  const status = () => page.getByRole("status");
  const text = async () => (await page.locator("#text").textContent()) ?? "";

  test("streams what follows the prompt and says how fast", async () => {
    await prompt().fill("The captain looked at the sea");
    await page.getByLabel("Tokens at most").fill("60");
    await page.getByLabel("Seed").fill("11");
    await write().click();
    await status()
      .getByText(/^60 tokens · \d+ tokens\/s · seed 11$/)
      .waitFor();
    const first = await text();
    expect(first.startsWith("The captain looked at the sea")).toBe(true);
    expect(first.length).toBeGreaterThan(100);

    await write().click();
    await status()
      .getByText(/^60 tokens/)
      .waitFor();
    expect(await text()).toBe(first);
  });

  test("stops at the button, and can go on with another", async () => {
    await page.getByLabel("Tokens at most").fill("480");
    // Records every length of the text, so that growth in steps shows even where the steps are quick.
    await page.evaluate(`
      window.lengths = [];
      const text = document.querySelector("#text");
      new MutationObserver((_, observer) => {
        window.lengths.push(text.textContent.length);
        if (window.lengths.length < 8) return;
        observer.disconnect();
        document.querySelector("#stop").click();
      }).observe(text, { childList: true });
    `);
    await write().click();
    await status()
      .getByText(/^stopped · \d+ tokens/)
      .waitFor();
    const lengths = (await page.evaluate("window.lengths")) as number[];
    expect(new Set(lengths).size).toBeGreaterThan(4);
    const stopped = await text();
    expect(await stop().isDisabled()).toBe(true);

    await page.getByLabel("Tokens at most").fill("5");
    await write().click();
    await status()
      .getByText(/^5 tokens/)
      .waitFor();
    expect((await text()).length).toBeLessThan(stopped.length + 40);
  });

  test("shows the server's own words when a request cannot be served", async () => {
    await page.getByLabel("Tokens at most").fill("4000");
    await write().click();
    await status().getByText(/512/).waitFor();
  });

  test("asks nothing of anyone else, and has nothing to complain of", () => {
    expect(requested.filter((address) => !address.startsWith(url))).toEqual([]);
    // The refused request of the test before is the one thing that the console may name.
    expect(complaints.filter((line) => !line.includes("400 (Bad Request)"))).toEqual([]);
  });

  test("fits a phone", async () => {
    await page.setViewportSize({ width: 360, height: 640 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
  });
});
