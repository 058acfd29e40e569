const replacement = new URL("./no-holds.ts", import.meta.url).href;

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  return found.url.split("?")[0].endsWith("/src/postgres/windows.ts") &&
    context.parentURL?.split("?")[0] !== replacement
    ? { ...found, url: replacement, shortCircuit: true }
    : found;
}
