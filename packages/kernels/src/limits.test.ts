import { describe, expect, test } from "vitest";
import { defaultMemoryBytes, defaultThreads, parseCpuList } from "./limits.js";

const gibi = 2 ** 30;
const files = (contents: Record<string, string>) => (path: string) => contents[path];

test("lists of processors", () => {
  expect(parseCpuList("0-2,8,10-11")).toEqual([0, 1, 2, 8, 10, 11]);
  expect(parseCpuList("3")).toEqual([3]);
  expect(parseCpuList(undefined)).toEqual([]);
  expect(parseCpuList("nonsense")).toEqual([]);
});

describe("threads", () => {
  // Four cores with two hardware threads each; this process may use three of the cores, one of them by half.
  const machine: Record<string, string> = { "/proc/self/status": "Name:\tnode\nCpus_allowed_list:\t0-2,4,5\n" };
  for (let cpu = 0; cpu < 8; cpu++) {
    machine[`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`] = `${cpu % 4},${(cpu % 4) + 4}`;
  }

  test("are the physical cores that the process may use", () => {
    expect(defaultThreads(files(machine), 5)).toBe(3);
  });

  test("stay within the quota of the cgroup and of those above it, version 2", () => {
    const quota = (own: string, above: string) =>
      files({
        ...machine,
        "/proc/self/cgroup": "0::/pod/box",
        "/sys/fs/cgroup/pod/box/cpu.max": own,
        "/sys/fs/cgroup/pod/cpu.max": above,
      });
    expect(defaultThreads(quota("max 100000", "max 100000"), 5)).toBe(3);
    expect(defaultThreads(quota("250000 100000", "max 100000"), 5)).toBe(2);
    expect(defaultThreads(quota("max 100000", "50000 100000"), 5)).toBe(1);
  });

  test("and version 1", () => {
    const quota = (us: string) =>
      files({
        ...machine,
        "/proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a",
        "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": us,
        "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
      });
    expect(defaultThreads(quota("-1"), 5)).toBe(3);
    expect(defaultThreads(quota("200000"), 5)).toBe(2);
  });

  test("where the system tells nothing: what Node says", () => {
    expect(defaultThreads(files({}), 5)).toBe(5);
    expect(defaultThreads(files({ "/proc/self/status": "Cpus_allowed_list:\t0-3" }), 4)).toBe(4);
  });
});

describe("memory", () => {
  const meminfo = { "/proc/meminfo": "MemTotal: 20971520 kB\nMemAvailable: 10485760 kB\n" };

  test("is 80 % of what the machine has available", () => {
    expect(defaultMemoryBytes(files(meminfo), 1)).toBe(8 * gibi);
    expect(defaultMemoryBytes(files({}), 10 * gibi)).toBe(8 * gibi);
  });

  test("or of what the cgroup has left, its page cache not counted, version 2", () => {
    const cgroup = {
      ...meminfo,
      "/proc/self/cgroup": "0::/box",
      "/sys/fs/cgroup/memory.max": "max",
      "/sys/fs/cgroup/box/memory.max": String(6 * gibi),
      "/sys/fs/cgroup/box/memory.current": String(3 * gibi),
      "/sys/fs/cgroup/box/memory.stat": `anon ${gibi}\ninactive_file ${2 * gibi}\n`,
    };
    expect(defaultMemoryBytes(files(cgroup), 1)).toBe(4 * gibi);
  });

  test("and version 1, where no limit is an enormous one", () => {
    const cgroup = (limit: number) => ({
      ...meminfo,
      "/proc/self/cgroup": "4:memory:/box\n0::/",
      "/sys/fs/cgroup/memory/box/memory.limit_in_bytes": String(limit),
      "/sys/fs/cgroup/memory/box/memory.usage_in_bytes": String(gibi),
    });
    expect(defaultMemoryBytes(files(cgroup(2 ** 63)), 1)).toBe(8 * gibi);
    expect(defaultMemoryBytes(files(cgroup(6 * gibi)), 1)).toBe(4 * gibi);
    expect(defaultMemoryBytes(files(cgroup(gibi / 2)), 1)).toBe(0);
  });
});
