// Asks every case of the plan through one SDK and prints one JSON line for each.
"use strict";

const fs = require("node:fs");

// What the SDK lets its caller see of a refusal.
class Refused extends Error {
  constructor(envelope, status) {
    const error = envelope.ResponseMetadata.Error;
    super(error.Code);
    this.seen = { code: error.Code, code_n: error.CodeN, message: error.Message, status };
  }
}

// `ask(host, step)` answers the decoded envelope or throws `Refused`.
async function run(client, ask) {
  const plan = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
  for (const step of plan.steps) {
    const line = { client, action: step.action, case: step.case };
    try {
      const envelope = await ask(plan.host, step);
      line.metadata = envelope.ResponseMetadata;
      line.answer = envelope.Result;
    } catch (error) {
      if (error instanceof Refused) line.refusal = error.seen;
      else line.broken = String((error && error.stack) || error);
    }
    console.log(JSON.stringify(line));
  }
}

module.exports = { Refused, run };
