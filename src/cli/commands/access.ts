// sluice tenant and sluice key: who may use this installation. They work on the database itself, so the operator of the machine
// never locks himself out.
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  createAccessKey,
  createTenant,
  listAccessKeys,
  listAllTenants,
  requireTenant,
  revokeAccessKey,
} from "../../control/access.ts";
import { pauseTenant, resumeTenant } from "../../control/pauses.ts";
import { limits } from "../../config/limits.ts";
import { silentLog } from "../../observe/log.ts";
import { type HolderKind, holderKinds, type Scope, scopes } from "../../domain/access.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { cliLimits } from "../limits.ts";
import { asOperator, type Operator } from "../operator.ts";
import { instant, listing, table } from "../output.ts";
import { sluice } from "../typed.ts";

export function addAccessCommands(program: Command, context: Context): void {
  const tenant = program.command("tenant").description("tenants of this installation");
  addTenantCreate(tenant, context);
  addTenantList(tenant, context);
  addTenantPause(tenant, context);
  addTenantResume(tenant, context);
  const key = program.command("key").description("API keys");
  addKeyCreate(key, context);
  addKeyList(key, context);
  addKeyRevoke(key, context);
}

function addTenantCreate(tenant: Command, context: Context): void {
  common(tenant.command("create").argument("<name>", "1 to 63 characters of a-z, 0-9, _ and -"))
    .description(`create a tenant; make it a key with ${sluice} key create`)
    .action(async (name: string, options: CommonOptions) => {
      if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name))
        throw new CliError(exitCodes.usage, `${name} cannot be the name of a tenant.`, {
          hint: "Use 1 to 63 characters of a-z, 0-9, _ and -, beginning with a letter or digit.",
        });
      const made = await asOperator(context.deps, (operator) => createTenant(operator, name, operator.actor));
      context.print(options, { id: made.id, name: made.name, created_at: made.createdAt }, () =>
        [
          `Tenant ${made.name} created.`,
          `Next: ${sluice} key create --tenant ${made.name} --holder-kind service --holder NAME --scopes submit,read`,
        ].join("\n"),
      );
    });
}

function addTenantList(tenant: Command, context: Context): void {
  common(tenant.command("list"))
    .description("list the tenants; `installation` is the installation itself")
    .action(async (options: CommonOptions) => {
      const tenants = await asOperator(context.deps, (operator) =>
        listAllTenants(operator, { after: null, rowsMax: cliLimits.rowsShownMax }),
      );
      const rows = tenants.map(({ id, name, createdAt }) => ({ id, name, created_at: createdAt }));
      context.print(options, { tenants: rows }, () =>
        table(
          ["NAME", "ID", "CREATED (UTC)"],
          rows.map((row) => [row.name, row.id, instant(row.created_at)]),
        ),
      );
    });
}

function addTenantPause(tenant: Command, context: Context): void {
  common(tenant.command("pause").argument("<name>", "name of the tenant"))
    .description("start nothing new of a tenant, in its own queues and in shared ones")
    .requiredOption("--reason <text>", "why; shown wherever its work waits", reasonText)
    .action(async (name: string, options: CommonOptions & { reason: string }) => {
      await asOperator(context.deps, async (operator) => {
        const { id } = await requireTenant(operator, name);
        await pauseTenant(pauseDeps(operator), id, { actor: operator.actor, reason: options.reason });
      });
      context.print(options, { paused: true, tenant: name, reason: options.reason }, () =>
        [`Tenant ${name} is paused.`, `Next: ${sluice} tenant resume ${name}`].join(" "),
      );
    });
}

function addTenantResume(tenant: Command, context: Context): void {
  common(tenant.command("resume").argument("<name>", "name of the tenant"))
    .description("lift the pause of a tenant; queues paused by themselves stay paused")
    .option("--reason <text>", "why", reasonText)
    .action(async (name: string, options: CommonOptions & { reason?: string }) => {
      await asOperator(context.deps, async (operator) => {
        const { id } = await requireTenant(operator, name);
        const reason = options.reason ?? "resumed";
        await resumeTenant(pauseDeps(operator), id, { actor: operator.actor, reason });
      });
      context.print(options, { paused: false, tenant: name }, () => `Tenant ${name} goes on.`);
    });
}

const pauseDeps = ({ pool }: Operator) => ({ database: pool, log: silentLog });

function reasonText(text: string): string {
  const reason = text.trim();
  if (reason === "" || reason.length > limits.reasonCharsMax || /[\p{Cc}\p{Surrogate}]/u.test(reason))
    throw new InvalidArgumentError(`It must be one line of 1 to ${limits.reasonCharsMax} characters.`);
  return reason;
}

interface KeyCreateOptions extends CommonOptions {
  readonly tenant?: string;
  readonly installation?: true;
  readonly holderKind: HolderKind;
  readonly holder: string;
  readonly scopes: readonly Scope[];
}

function addKeyCreate(key: Command, context: Context): void {
  common(key.command("create"))
    .description("create a key; its secret is shown this once")
    .option("--tenant <name>", "the tenant it belongs to")
    .addOption(new Option("--installation", "a key of the installation").conflicts("tenant"))
    .addOption(new Option("--holder-kind <kind>", "who holds it").choices(holderKinds).makeOptionMandatory())
    .requiredOption("--holder <name>", "name of the person or service", holderName)
    .requiredOption("--scopes <list>", `comma list of ${scopes.join(", ")}`, scopeList)
    .action(async (options: KeyCreateOptions) => {
      const tenantName = options.installation === true ? "installation" : options.tenant;
      if (tenantName === undefined)
        throw new CliError(exitCodes.usage, "Whose key is it?", {
          hint: "Say --tenant NAME or --installation.",
        });
      const made = await asOperator(context.deps, async (operator) =>
        createAccessKey(operator, {
          tenantId: await tenantIdOf(operator, tenantName),
          holderKind: options.holderKind,
          holderName: options.holder,
          scopes: options.scopes,
          actor: operator.actor,
        }),
      );
      const shown = { id: made.id, tenant: tenantName, scopes: made.scopes, secret: made.secret };
      context.print(options, shown, () =>
        [
          `Key ${made.id} for ${options.holderKind} ${options.holder} (${tenantName}: ${made.scopes.join(", ")}).`,
          "It is shown this once; keep it where secrets are kept:",
          "",
          `  export SLUICE_KEY=${made.secret}`,
        ].join("\n"),
      );
    });
}

async function tenantIdOf(operator: Operator, name: string): Promise<string> {
  return name === "installation" ? installationTenantId : (await requireTenant(operator, name)).id;
}

function holderName(text: string): string {
  const name = text.trim();
  if (name === "" || name.length > 200) throw new InvalidArgumentError("It must have 1 to 200 characters.");
  return name;
}

function scopeList(text: string): readonly Scope[] {
  const wanted = text.split(",").map((part) => part.trim());
  const known = wanted.filter((part): part is Scope => scopes.some((scope) => scope === part));
  if (known.length !== wanted.length || known.length === 0)
    throw new InvalidArgumentError(`It must be a comma list of ${scopes.join(", ")}.`);
  return [...new Set(known)];
}

function addKeyList(key: Command, context: Context): void {
  common(key.command("list"))
    .description("list keys, the newest first; secrets are shown by their last characters only")
    .option("--tenant <name>", "only those of this tenant; installation for the installation's own")
    .action(async (options: CommonOptions & { tenant?: string }) => {
      const keys = await asOperator(context.deps, async (operator) =>
        listAccessKeys(
          operator,
          options.tenant === undefined ? null : await tenantIdOf(operator, options.tenant),
          {
            after: null,
            rowsMax: cliLimits.rowsShownMax,
          },
        ),
      );
      context.print(options, { keys }, () =>
        listing(
          ["ID", "TENANT", "HOLDER", "SCOPES", "SECRET", "CREATED (UTC)", "REVOKED (UTC)"],
          keys.map((row) => [
            row.id,
            row.tenant_name,
            `${row.holder_kind}:${row.holder_name}`,
            row.scopes.join(","),
            `…${row.secret_hint}`,
            instant(row.created_at),
            instant(row.revoked_at),
          ]),
          `No keys. Next: ${sluice} key create ${ownerOption(options.tenant)} --holder-kind person --holder NAME --scopes submit,read`,
        ),
      );
    });
}

const ownerOption = (tenant = "NAME"): string =>
  tenant === "installation" ? "--installation" : `--tenant ${tenant}`;

function addKeyRevoke(key: Command, context: Context): void {
  common(key.command("revoke").argument("<id>", `the key's id, from ${sluice} key list`))
    .description("revoke a key; it stops working within seconds")
    .action(async (id: string, options: CommonOptions) => {
      await asOperator(context.deps, (operator) =>
        revokeAccessKey(operator, id, { tenantId: null, actor: operator.actor }),
      );
      context.print(options, { id, revoked: true }, () => `Key ${id} is revoked.`);
    });
}
