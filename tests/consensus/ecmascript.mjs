// Reads JSON texts, one a line, and prints for each what a Node.js port hashes: `JSON.stringify`
// of the parsed value with sorted keys. The keys are put in order by hand: an object built in order
// would still list keys that look like array indexes first.
import { createInterface } from "node:readline";

function canonical(value) {
  if (Array.isArray(value)) return "[" + value.map(canonical).join(",") + "]";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => JSON.stringify(key) + ":" + canonical(value[key]));
  return "{" + members.join(",") + "}";
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(canonical(JSON.parse(line)) + "\n");
}
