// Signs and sends each request of the plan as ZEGOCLOUD documents it, with Node's own modules.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");

function sign(appId, nonce, serverSecret, timestamp) {
  return crypto
    .createHash("md5")
    .update(appId + nonce + serverSecret + timestamp)
    .digest("hex");
}

function send(url, { method, content_type, body }) {
  const headers = method === "POST" ? { "Content-Type": content_type } : {};
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method, headers, timeout: 10000 },
      (reply) => {
        let text = "";
        reply.setEncoding("utf8");
        reply.on("data", (part) => (text += part));
        reply.on("end", () => resolve({ status: reply.statusCode, body: text }));
      },
    );
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
    request.end(method === "POST" ? body : undefined);
  });
}

async function ask(step) {
  const nonce = step.nonce || crypto.randomBytes(8).toString("hex");
  const timestamp =
    step.timestamp || String(Math.floor(Date.now() / 1000) + Number(step.clock_offset));
  const signature = sign(step.app_id, nonce, step.server_secret, timestamp);
  if (step.send === "no") return { signature };
  const parameters = {
    AppId: step.app_id,
    SignatureNonce: nonce,
    Timestamp: timestamp,
    Signature: signature,
    SignatureVersion: step.signature_version,
  };
  delete parameters[step.omit];
  let query = `Action=${step.action}&${new URLSearchParams(parameters)}`;
  if (step.extra) query += `&${step.extra}`;
  const reply = await send(`${step.base}?${query}`, step);
  return { signature, ...reply };
}

async function main() {
  for (const line of fs.readFileSync(process.argv[2], "utf8").trim().split("\n")) {
    const step = Object.fromEntries(new URLSearchParams(line));
    const answer = await ask(step).catch((broken) => ({ broken: String(broken.stack || broken) }));
    console.log(String(new URLSearchParams(answer)));
  }
}

main();
