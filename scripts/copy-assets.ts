// The second half of `npm run build`: what the compiler does not carry to dist/ but the code reads at run time: SQL, Lua, pages
// and the prompts of job types, each at the same place beside its module.
import { cpSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const carried = new Set([".sql", ".lua", ".html", ".css", ".svg", ".md", ".json"]);

const files = ["src", "jobs"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => carried.has(extname(file)))
    .map((file) => join(folder, file)),
);
for (const file of files) cpSync(join(root, file), join(root, "dist", file));
// package.json tells Node that dist/ holds ES modules, and `--version` its number.
cpSync(join(root, "package.json"), join(root, "dist/package.json"));
console.log(`${files.length} assets copied to dist/`);
