// Writes the types of problems of an OpenAPI document as TypeScript: `node generate-problems.mjs DOCUMENT > src/problems.ts`.
import { readFileSync } from "node:fs";

const [, , path] = process.argv;
const { ProblemCode } = JSON.parse(readFileSync(path, "utf8")).components.schemas;
const types = ProblemCode["x-problem-types"].map((type) => `  ${JSON.stringify(type.code)}: ${JSON.stringify(type)},`);
console.log(`/** Generated from the OpenAPI document: the types of problems by their codes. */
export const PROBLEM_TYPES = {
${types.join("\n")}
} as const;`);
