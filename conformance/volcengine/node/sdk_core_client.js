// npm `@volcengine/sdk-core`: `Client` and a `Command` that names the action.
"use strict";

const { Client, Command } = require("@volcengine/sdk-core");
const { Refused, run } = require("./driver");

async function ask(host, step) {
  const client = new Client({
    host,
    protocol: "http",
    region: "cn-north-1",
    accessKeyId: step.access_key,
    secretAccessKey: step.secret_key,
    sessionToken: step.session_token || undefined,
  });
  const command = new Command(step.request);
  command.requestConfig = {
    params: { Action: step.action, Version: step.version },
    method: step.method,
    serviceName: "rtc",
    contentType: step.method === "GET" ? undefined : "application/json",
  };
  try {
    return await client.send(command);
  } catch (error) {
    if (error.name === "ApiException" && error.data) throw new Refused(error.data, error.status);
    throw error;
  } finally {
    client.destroy();
  }
}

run("@volcengine/sdk-core (npm)", ask);
