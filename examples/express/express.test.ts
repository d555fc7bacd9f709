import { testService } from "../test-support/test-service.js";

testService("express", { routesOver: ["1.1"] });
