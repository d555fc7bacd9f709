import { testService } from "../test-support/test-service.js";

testService("node-http2", { routesOver: ["1.1", "2"] });
