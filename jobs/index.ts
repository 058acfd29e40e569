import type { JobTypeDefinition } from "../src/domain/job-type.ts";
import { jobType as classifyIntent } from "./classify-intent/job.ts";
import { jobType as extractContact } from "./extract-contact/job.ts";
import { jobType as message } from "./message/job.ts";

/** The job types that Sluice ships. Others are loaded from SLUICE_JOBS_DIR. */
export const shippedJobTypes: readonly JobTypeDefinition[] = [classifyIntent, extractContact, message];
