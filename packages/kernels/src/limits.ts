import { readFileSync } from "node:fs";
import { availableParallelism, freemem } from "node:os";

/** Reads a small system file; undefined where there is none. Tests pass their own. */
export type ReadText = (path: string) => string | undefined;

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
};

/** Share of what is available that a device takes at most by default: the rest is for JavaScript, other processes and the page cache. */
const memoryShare = 0.8;

/** Threads that this process can really run side by side: min(physical cores it may use, the cgroup's quota). */
export function defaultThreads(read: ReadText = readText, logical: number = availableParallelism()): number {
  const allowed = parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(read("/proc/self/status") ?? "")?.[1]);
  const cores = new Set(
    allowed.map((cpu) => read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`) ?? String(cpu)),
  );
  const quota = cgroupFolders(read).map((folder) => quotaOf(folder, read));
  return Math.max(1, Math.floor(Math.min(cores.size || logical, ...quota)));
}

/** Bytes a device may take by default: 80 % of what the machine and the cgroup have available. */
export function defaultMemoryBytes(read: ReadText = readText, free: number = freemem()): number {
  const available = /^MemAvailable:\s*(\d+) kB$/m.exec(read("/proc/meminfo") ?? "")?.[1];
  const left = cgroupFolders(read).map((folder) => memoryLeft(folder, read));
  return Math.max(0, Math.floor(memoryShare * Math.min(available ? Number(available) * 1024 : free, ...left)));
}

/** `0-2,8` → 0, 1, 2, 8 */
export function parseCpuList(list: string | undefined): number[] {
  return (list ?? "").split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    if (part === "" || first === undefined || last === undefined || Number.isNaN(first + last)) return [];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The process's control group and its ancestors, as folders: each may set a limit. Version 2 has one tree, version 1 one per controller. */
function cgroupFolders(read: ReadText): { version: 1 | 2; path: string }[] {
  return (read("/proc/self/cgroup") ?? "").split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    const controller = controllers!.split(",").find((name) => name === "cpu" || name === "memory");
    if (controllers !== "" && controller === undefined) return [];
    const root = controllers === "" ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${controller}`;
    const parts = path.split("/").filter((part) => part !== "");
    const version: 1 | 2 = controllers === "" ? 2 : 1;
    return Array.from({ length: parts.length + 1 }, (_, depth) => ({
      version,
      path: [root, ...parts.slice(0, depth)].join("/"),
    }));
  });
}

/** Processors' worth of time, Infinity without a quota. */
function quotaOf({ version, path }: { version: 1 | 2; path: string }, read: ReadText): number {
  const [quota, period] =
    version === 2
      ? (read(`${path}/cpu.max`) ?? "").split(" ")
      : [read(`${path}/cpu.cfs_quota_us`), read(`${path}/cpu.cfs_period_us`)];
  const share = Number(quota) / Number(period);
  return share > 0 ? share : Infinity;
}

function memoryLeft({ version, path }: { version: 1 | 2; path: string }, read: ReadText): number {
  const [limit, used] =
    version === 2 ? ["memory.max", "memory.current"] : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
  const bytes = Number(read(`${path}/${limit}`) ?? NaN);
  if (!Number.isFinite(bytes)) return Infinity;
  // The page cache counts as used, but gives way.
  const cached = /^(?:total_)?inactive_file (\d+)$/m.exec(read(`${path}/memory.stat`) ?? "")?.[1] ?? 0;
  return Math.max(0, bytes - Number(read(`${path}/${used}`) ?? 0) + Number(cached));
}
