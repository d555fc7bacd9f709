import { silentLogger } from "../../logger.js";
import type { Logger } from "../packet-source.js";
