// Sends two events with Segment's own client for Node: node segment.mjs URL KEY
import { Analytics } from "@segment/analytics-node";

const [url, key] = process.argv.slice(2);
const analytics = new Analytics({ writeKey: key, host: url, path: "/v1/batch", flushAt: 2, maxRetries: 1 });
analytics.on("error", (e) => {
  console.error(e.reason ?? e);
  process.exitCode = 1;
});
analytics.identify({ userId: "node-client", anonymousId: "node-device", traits: { plan: "gold" } });
analytics.track({ userId: "node-client", event: "Order Completed", properties: { order_id: "n-1", revenue: 12.3, currency: "EUR" } });
await analytics.closeAndFlush({ timeout: 10000 });
console.log("sent");
