// Which process a pid written to a file meant. A pid alone is not enough: after a crash or in a new container the same
// number soon belongs to somebody else, and a lock or a registration would then be respected for ever (or a stranger
// killed). So a pid is stored together with the start of its process as the kernel tells it.
import { execFile } from "node:child_process";
import { readFile, readlink, realpath } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A process of this machine: its pid, and its start in whatever form the kernel gives (ticks since boot, or a date). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string;
}

/** The identity of a running process, or undefined when there is none (a zombie counts as none: it holds nothing). */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = process.platform === "linux" ? await startOnLinux(pid) : await startByPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

let own: Promise<ProcessIdentity> | undefined;

/** The identity of this process. */
export function ownIdentity(): Promise<ProcessIdentity> {
  own ??= identityOf(process.pid).then((identity) => identity ?? { pid: process.pid, startedAt: "unknown" });
  return own;
}

/** True while exactly the process that was recorded runs. */
export async function isRunning(recorded: ProcessIdentity): Promise<boolean> {
  const current = await identityOf(recorded.pid);
  return current !== undefined && current.startedAt === recorded.startedAt;
}

/** True when the process works in that directory. PostgreSQL and Redis both change into their data directory. */
export async function worksIn(pid: number, directory: string): Promise<boolean> {
  const wanted = await realpath(directory).catch(() => directory);
  if (process.platform === "linux") {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return cwd === wanted;
  }
  const listed = await run("lsof", ["-a", "-p", String(pid), "-d", "cwd", "-Fn"]).catch(() => undefined);
  return listed?.stdout.split("\n").includes(`n${wanted}`) ?? false;
}

async function startOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return undefined;
  // The command in field 2 may contain spaces and brackets; what follows its last bracket begins with field 3, the state.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ended = fields[0] === "Z" || fields[0] === "X";
  return ended ? undefined : fields[19];
}

async function startByPs(pid: number): Promise<string | undefined> {
  const listed = await run("ps", ["-o", "stat=,lstart=", "-p", String(pid)]).catch(() => undefined);
  const line = listed?.stdout.trim();
  if (line === undefined || line === "" || line.startsWith("Z")) return undefined;
  return line.slice(line.indexOf(" ") + 1).trim();
}

/** Where a process runs: the machine (empty where it has no id of its own), its boot, and whose pids it sees. */
interface Place {
  readonly machine: string;
  readonly boot: string;
  readonly pids: string;
}

async function ownPlace(): Promise<Place | undefined> {
  try {
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    const pids = await readlink("/proc/self/ns/pid");
    const id = (await readFile("/etc/machine-id", "utf8").catch(() => "")).trim();
    return { machine: id === "" ? "" : `${id}@${hostname()}`, boot, pids };
  } catch {
    return undefined;
  }
}

/**
 * This process among all processes of all machines, as a text for others to judge it by: machine, boot, pid namespace, pid and start.
 * Null where the kernel does not tell.
 */
export async function ownWorldIdentity(): Promise<string | null> {
  const place = await ownPlace();
  const { pid, startedAt } = await ownIdentity();
  if (place === undefined || startedAt === "unknown") return null;
  return worldIdentity(place, { pid, startedAt });
}

/** As {@link ownWorldIdentity}, of another process that runs where we do. */
export async function worldIdentityOf(pid: number): Promise<string | null> {
  const [place, identity] = [await ownPlace(), await identityOf(pid)];
  return place === undefined || identity === undefined ? null : worldIdentity(place, identity);
}

const worldIdentity = ({ machine, boot, pids }: Place, { pid, startedAt }: ProcessIdentity): string =>
  [machine, boot, pids, pid, startedAt].join("|");

/**
 * Whether it can be seen from here that the process is dead: its machine has been started anew since, or it ran where we run and its
 * pid is nobody's or somebody else's. False means that it lives, frozen or not, or that it cannot be seen from here.
 */
export async function isSeenDead(recorded: string): Promise<boolean> {
  const place = await ownPlace();
  const [machine = "", boot = "", pids = "", pid = "", startedAt = ""] = recorded.split("|");
  if (place === undefined || startedAt === "") return false;
  if (boot !== place.boot) return machine !== "" && machine === place.machine;
  return pids === place.pids && !(await isRunning({ pid: Number(pid), startedAt }));
}
