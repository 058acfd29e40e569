// `npm run docs`: writes the tables of docs/ that repeat a list of the code.
import { writeFileSync } from "node:fs";
import { docTables, pagePath, renderPage } from "./doc-tables/tables.ts";

for (const page of Object.keys(docTables)) writeFileSync(pagePath(page), renderPage(page));
console.log(`${Object.keys(docTables).join(", ")} written`);
