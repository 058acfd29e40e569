// For `node --import`: the module that takes holds is replaced by one that takes none, before anything is loaded.
import { register } from "node:module";

register("./without-holds-hook.mjs", import.meta.url);
