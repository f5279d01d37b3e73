// The TypeScript agent: makes the other half of the objective, and says of which version it is.
import { readFileSync, readSync, unlinkSync, writeFileSync, writeSync } from "node:fs";

interface Request {
  run: string;
  input: { objective: string; steps: number; workspace: string };
}

const STEP_MS = 50;
const YEAR_MS = 365 * 24 * 3_600_000;
const FLOOD_LINES = 20_000;
const ERRORS = 12;

function asked(): Request {
  let text = "";
  const chunk = Buffer.alloc(65536);
  while (!text.includes("\n")) {
    const read = readSync(0, chunk, 0, chunk.length, null);
    if (read === 0) break;
    text += chunk.toString("utf8", 0, read);
  }
  return JSON.parse(text.split("\n", 1)[0]);
}

function say(message: object): void {
  let rest = Buffer.from(JSON.stringify(message) + "\n");
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

// An order is obeyed once: who takes it removes it. Returns by how much the clock is to be wrong.
function obey(request: Request): number {
  const order = `${request.input.workspace}/orders/${request.run.replaceAll("/", "~")}`;
  let what: string;
  try {
    what = readFileSync(order, "utf8");
    unlinkSync(order);
  } catch {
    return 0; // nothing is ordered
  }
  switch (what.split(" ", 1)[0]) { // what a Python program may do besides
    case "skew":
      return YEAR_MS;
    case "flood":
      for (let line = 0; line < FLOOD_LINES; line++) say({ nobody: `reads line ${line}` });
      break;
    case "err":
      for (let error = 1; error <= ERRORS; error++) {
        say({ type: "error", message: `error ${error} that was ordered` });
        pause(STEP_MS);
      }
  }
  return 0;
}

const request = asked();
let skew = 0;
for (let step = 1; step <= request.input.steps; step++) {
  skew += obey(request);
  say({ type: "progress", message: `step ${step} of ${request.input.steps}`, at: Date.now() + skew });
  pause(STEP_MS);
}
skew += obey(request);
const { objective } = request.input;
writeFileSync("half.json", JSON.stringify({ objective, half: "typescript" }));
say({ type: "artifact", name: "half.json", path: "half.json", media_type: "application/json" });
say({
  type: "result",
  status: "ok",
  summary: "the other half of the objective is made",
  output: { objective, skewed: skew > 0 },
});
