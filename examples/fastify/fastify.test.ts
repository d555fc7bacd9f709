import { testService } from "../test-support/test-service.js";

testService("fastify", { routesOver: ["1.1", "2"] });
