import { describe, expect, test } from "vitest";
import { main } from "./main.js";
import { testTerminal } from "./test-terminal.js";

async function whittle(...argv: string[]) {
  const terminal = testTerminal();
  const code = await main(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

describe("whittle", () => {
  test("--version", async () => {
    const { code, out } = await whittle("--version");
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("--help lists the commands", async () => {
    const { code, out } = await whittle("--help");
    expect(code).toBe(0);
    for (const name of ["serve", "chat", "generate", "eval", "convert", "bench"]) expect(out).toContain(`  ${name} `);
  });

  test.each([
    [
      "serve",
      (
        "--config --model --name --port --host --api-key --allowed-host --allowed-origin --body-limit --max-connections " +
        "--device --ctx --memory --activations --weights --exact-activations --bf16-activations --cache-dtype --threads --max-sequences --max-waiting --timeout --grace --log-level --log-format"
      ).split(" "),
    ],
    ["chat", ["--device", "--activations", "--system", "--max-tokens", "--temperature", "--seed", "--ctx", "--memory"]],
    [
      "generate",
      ["--prompt", "--max-tokens", "--temperature", "--top-k", "--top-p", "--min-p", "--seed", "--stop", "--chat"],
    ],
    [
      "eval",
      [
        "--device",
        "--activations",
        "--weights",
        "--exact-activations",
        "--bf16-activations",
        "--window",
        "--stride",
        "--max-tokens",
        "--json",
      ],
    ],
  ])("%s --help lists its options", async (command, options) => {
    const { code, out } = await whittle(command, "--help");
    expect(code).toBe(0);
    for (const option of options) expect(out).toContain(`${option} `);
  });

  test.each([
    [["srve"], "unknown command 'srve'", "Did you mean serve?"],
    [["serve", "folder", "--prot", "1"], "unknown option '--prot'", "Did you mean --port?"],
    [["generate", "folder", "--top-p", "2"], "--top-p <p>", "Expected a number from 0 to 1."],
    [["generate", "folder", "--max-tokens", "many"], "--max-tokens <n>", "Expected a whole number of at least 1."],
    [["serve", "folder", "--memory", "lots"], "--memory <size>", "Expected a size such as 512MiB or 2GiB."],
    [["serve", "folder", "--cache-dtype", "f8"], "--cache-dtype <dtype>", "Allowed choices are f32, bf16, f16."],
    [["generate", "folder", "--activations", "i8"], "--activations <dtype>", "Allowed choices are f32, bf16, f16."],
    [["eval", "folder", "file", "--device", "gpu"], "--device <name>", "Expected cpu, cuda or cuda:<index>."],
    [["serve"], "no model", "whittle serve ./my-model"],
    [["serve", "a", "b", "--name", "c"], "--name is for one model", "name=folder"],
    [["serve", "folder", "--log-format", "xml"], "--log-format <format>", "Allowed choices are auto, json, pretty."],
    [["eval", "folder"], "missing required argument", "file"],
  ])("%j: the error names what is wrong and what helps", async (argv, wrong, help) => {
    const { code, out, err } = await whittle(...argv);
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toContain(wrong);
    expect(err).toContain(help);
  });
});
