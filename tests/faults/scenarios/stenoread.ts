import { setTimeout as pause } from "node:timers/promises";
import { childProcesses, eventually, type Random } from "@stenogrpc/testkit";
import { attempt } from "../attempt.js";
import { anyMoment, type Scenario } from "../scenario.js";
import type { Scene } from "../scene.js";

const failed = ["SOURCE_FAILED", "SOURCE_UNAVAILABLE", "SOURCE_CORRUPT"] as const;
const late = ["TIMEOUT", "DEADLINE_EXCEEDED"] as const;

/** A program in stenoread's place, with lines of bash that get a number of bytes from the middle of the answer. */
function played(
  name: string,
  mayClaim: readonly string[],
  script: (bytes: number, scene: Scene, random: Random) => string,
): Scenario {
  return {
    name: `stenoread: ${name}`,
    mayClaim,
    async run(scene, random) {
      const target = scene.targets.stenoread;
      await using client = await target.connect();
      const bytes = random.between(1, scene.capture.bytes.length);
      scene.playStenoread(script(bytes, scene, random));
      const request = late.some((reason) => mayClaim.includes(reason)) ? { timeoutMs: 500 } : {};
      const result = await attempt(client, scene.capture.first(), { request });
      scene.playStenoread();
      return { target, attempt: result };
    },
  };
}

/** The real stenoread, of which one process is killed. */
function killed(program: string): Scenario {
  return {
    name: `stenoread: the real one, its ${program} is killed`,
    mayClaim: ["complete", ...failed],
    async run(scene, random) {
      const target = scene.targets.stenoread;
      const { pid } = await target.serving();
      await using client = await target.connect();
      const result = await attempt(client, scene.capture.first(), {
        momentBytes: anyMoment(scene, random),
        async onMoment() {
          const found = childProcesses(pid).find(({ command }) =>
            new RegExp(`^(/\\S*/)?${program} `).test(command),
          );
          if (found !== undefined) killIfAlive(found.pid);
        },
      });
      return { target, attempt: result };
    },
  };
}

/** A process that has just been seen may have ended since. */
function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The start of a record in the middle of the answer. */
function boundary({ capture }: Scene, random: Random): number {
  return capture.offset(random.between(1, capture.packets));
}

export const stenoreadScenarios: readonly Scenario[] = [
  played("hangs", late, (bytes) => `head -c ${bytes} $ANSWER; sleep 1000`),
  played("hangs before it says anything", late, () => "sleep 1000"),
  played("exits early", failed, () => "exit 0"),
  played("exits well in the middle", failed, (bytes) => `head -c ${bytes} $ANSWER`),
  played("exits badly after all of the data", failed, () => "cat $ANSWER; exit 3"),
  played("exits badly in the middle", failed, (bytes) => `head -c ${bytes} $ANSWER; exit 1`),
  played(
    "exits badly between two packets",
    failed,
    (_, scene, random) => `head -c ${boundary(scene, random)} $ANSWER; exit 1`,
  ),
  played(
    "exits well between two packets, though curl complained",
    failed,
    (_, scene, random) =>
      `head -c ${boundary(scene, random)} $ANSWER; echo "curl: (18) transfer closed with outstanding read data remaining" >&2`,
  ),
  played(
    "exits well between two packets, curl having been killed",
    failed,
    (_, scene, random) =>
      `head -c ${boundary(scene, random)} $ANSWER; echo "/usr/bin/stenocurl: line 62: 4711 Killed   curl" >&2`,
  ),
  played("dies of a signal", failed, (bytes) => `head -c ${bytes} $ANSWER; kill -9 $$`),
  played("writes garbage", failed, (bytes) => `head -c ${bytes} /dev/urandom`),
  played("goes over to garbage", failed, (bytes) => `head -c ${bytes} $ANSWER; head -c 100000 /dev/urandom`),
  played(
    "ignores SIGTERM",
    late,
    (bytes) => `trap '' TERM; head -c ${bytes} $ANSWER; while :; do sleep 1; done`,
  ),
  played("finds no tcpdump", failed, () => "PATH=/nowhere; tcpdump -r /dev/stdin -w -"),
  played(
    "complains without end",
    failed,
    (bytes) => `head -c ${bytes} $ANSWER; while :; do echo complaint >&2; done`,
  ),
  played(
    "leaves a child that holds its output",
    late,
    () => "cat $ANSWER; (trap '' TERM; sleep 1000) & exit 0",
  ),
  killed("tcpdump"),
  killed("curl"),
  {
    name: "stenoread: the real one",
    mayClaim: ["complete"],
    async run(scene, random) {
      const target = scene.targets.stenoread;
      await using client = await target.connect();
      const result = await attempt(client, scene.capture.first(), {
        momentBytes: anyMoment(scene, random),
        onMoment: () => pause(random.between(0, 100)),
      });
      await eventually(async () => childProcesses((await target.serving()).pid).length === 0);
      return { target, attempt: result };
    },
  },
];
