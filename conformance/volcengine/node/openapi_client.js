// npm `@volcengine/openapi`: `Service`, and `Signer` for presigned URLs.
"use strict";

const { Service, Signer } = require("@volcengine/openapi");
const { Refused, run } = require("./driver");

async function ask(host, step) {
  if (step.via === "presigned") return presigned(host, step);
  const service = new Service({
    serviceName: "rtc",
    host,
    protocol: "http:",
    region: "cn-north-1",
    accessKeyId: step.access_key,
    secretKey: step.secret_key,
    sessionToken: step.session_token || undefined,
    defaultVersion: step.version,
  });
  const call =
    step.method === "GET"
      ? service.createAPI(step.action, { Version: step.version })
      : service.createJSONAPI(step.action, { Version: step.version });
  // The SDK never throws for a status: its caller reads the envelope.
  const envelope = await call(step.request);
  if (envelope.ResponseMetadata.Error) throw new Refused(envelope);
  return envelope;
}

async function presigned(host, step) {
  const isGet = step.method === "GET";
  const signer = new Signer(
    {
      method: step.method,
      region: "cn-north-1",
      params: { Action: step.action, Version: step.version, ...(isGet ? step.request : {}) },
    },
    "rtc",
  );
  const query = signer.getSignUrl({
    accessKeyId: step.access_key,
    secretKey: step.secret_key,
    sessionToken: step.session_token,
  });
  const answer = await fetch(`http://${host}/?${query}${step.append}`, {
    method: step.method,
    headers: { "Content-Type": "application/json" },
    body: isGet ? undefined : JSON.stringify(step.request),
  });
  const envelope = await answer.json();
  if (answer.status !== 200) throw new Refused(envelope, answer.status);
  return envelope;
}

run("@volcengine/openapi (npm)", ask);
