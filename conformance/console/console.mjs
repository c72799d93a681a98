// The console, looked at with a browser: run.
//
// A server is filled with a day of calls, some of whose names are markup, and each page is opened as
// a desktop and as a phone, in the light and in the dark, in both languages.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, mkdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, ".tools/package.json"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const TOKEN = "whowas-demo-console";
const NASTY = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>"'&`;
const PAGE_BYTES_MAX = 100_000;
const pictures = process.argv[2];

let passed = 0;
const failures = [];
function check(what, isRight, told = "") {
  if (isRight) passed += 1;
  else {
    failures.push(what);
    console.log(`FAILED ${what} ${told}`);
  }
}

async function serve(folder) {
  const server = spawn(process.env.WHOWAS_BIN, ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const base = await new Promise((done, failed) => {
    let said = "";
    server.stderr.on("data", (some) => {
      said += some;
      const found = said.match(/listening on (http:\S+)/);
      if (found) done(found[1]);
    });
    server.on("exit", () => failed(new Error(`it ended: ${said}`)));
  });
  return { server, base };
}

// Random enough, and always the same.
let seed = 7;
function random() {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
}

function aDay() {
  const events = [];
  const now = Date.now();
  const add = (type, at, data) => {
    const time = new Date(Math.min(at, now)).toISOString();
    events.push({ specversion: "1.0", id: `e${events.length}`, source: "sfu", type, time, data });
  };
  for (let call = 0; call < 40; call += 1) {
    const isBig = call === 0;
    const roomId = call === 1 ? NASTY : isBig ? "lesson" : `room ${call}`;
    const callId = call === 1 ? `call ${NASTY}` : `c${call}`;
    const length = (600 + random() * 3_000) * 1_000;
    const start = now - 80_000_000 * random() - length - 5_000;
    const people = isBig ? 500 : 2 + Math.floor(random() * 12);
    for (let n = 0; n < people; n += 1) {
      const userId = call === 1 && n === 0 ? NASTY : isBig ? `student-${n}` : `user${Math.floor(random() * 60)}`;
      const client = { "os.name": "ios", "device.model.name": call === 1 ? NASTY : "iPhone 17", "rtc.sdk.version": "3.58" };
      let at = start + random() ** 3 * length * 0.5;
      for (let k = 0; k < 3 && at < start + length; k += 1) {
        const data = { roomId, callId, userId, connectionId: `k${call}-${n}-${k}` };
        add("rtc.participant.joined", at, { ...data, client });
        if (random() < 0.3) add("rtc.stream.published", at + 1_000, data);
        const left = at + random() * length * 0.5;
        if (random() < 0.9) add("rtc.participant.left", Math.min(left, start + length), data);
        else break;
        at = left + random() * 100_000;
      }
    }
    if (call % 5 !== 2) add("rtc.room.finished", start + length, { roomId, callId });
  }
  return events;
}

async function fill(base) {
  const events = aDay();
  for (let from = 0; from < events.length; from += 500) {
    const answer = await fetch(`${base}/v1/events`, {
      method: "POST",
      headers: { authorization: "Bearer whowas-demo-events", "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify(events.slice(from, from + 500)),
    });
    const told = await answer.json();
    if (told.accepted !== Math.min(500, events.length - from)) throw new Error(JSON.stringify(told));
  }
}

// By ZEGOCLOUD's dialect, whose signature is the shortest.
async function register(base) {
  const [AppId, secret] = ["4111", "9193cc662a4c0ec135ec71fb57194b38"];
  const [SignatureNonce, Timestamp] = ["00ff00ff00ff00ff", String(Math.floor(Date.now() / 1_000))];
  const Signature = createHash("md5").update(AppId + SignatureNonce + secret + Timestamp).digest("hex");
  const query = new URLSearchParams({ Action: "UserRegister", AppId, SignatureNonce, Timestamp, Signature, SignatureVersion: "2.0" });
  const UserInfo = [{ UserId: "user11", UserName: NASTY, UserAvatar: NASTY }];
  for (let n = 100; n < 170; n += 1) UserInfo.push({ UserId: `member${n}`, UserName: `成员 ${n}` });
  const answer = await fetch(`${base}/?${query}`, { method: "POST", body: JSON.stringify({ UserInfo }) });
  const told = await answer.json();
  if (told.Code !== 0) throw new Error(JSON.stringify(told));
}

async function signIn(page, base) {
  await page.goto(`${base}/console`);
  await page.fill("#token", TOKEN);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/rooms*");
}

// Links as somebody would follow them.
async function findPages(page, base) {
  await page.goto(`${base}/console/4111/rooms`);
  const rooms = await page.$$eval("tbody tr", (rows) =>
    rows.map((row) => [row.querySelector("a").textContent, row.querySelector("a").href]));
  const link = (name) => rooms.find(([known]) => known.startsWith(name))[1];
  const nasty = link("<img");
  await page.goto(nasty);
  const stay = await page.$eval(".names a", (it) => it.href);
  await page.goto(stay);
  const stranger = await page.$eval('a[href^="user?"]', (it) => it.href);
  const user = `${base}/console/4111/user?id=user11`;
  return {
    rooms: `${base}/console/4111/rooms`, lesson: link("lesson"), nasty, stay, user,
    users: `${base}/console/4111/users`, live: `${base}/console/4111/live`,
    apps: `${base}/console/apps`, health: `${base}/console/health`,
    stranger, missing: `${base}/console/4111/nothing`, deregister: user.replace("/user?", "/user/deregister?"),
  };
}

async function look(browser, base, kind, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const noise = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") noise.push(message.text());
  });
  page.on("pageerror", (error) => noise.push(String(error)));
  await signIn(page, base);
  const pages = await findPages(page, base);
  for (const [name, url] of Object.entries(pages)) {
    const what = `${kind} ${name}`;
    noise.length = 0;
    const answer = await page.goto(url);
    const status = name === "missing" ? 404 : 200;
    check(`${what} is there`, answer.status() === status, answer.status());
    const { responseBodySize } = await answer.request().sizes();
    check(`${what} is light`, responseBodySize < PAGE_BYTES_MAX, `${responseBodySize} bytes`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`${what} fits its width`, wide <= 0, `${wide} px too wide`);
    const lang = await page.getAttribute("html", "lang");
    check(`${what} is in its language`, lang === (options.locale === "zh-CN" ? "zh" : "en"), lang);
    check(`${what} runs nothing of others`, (await page.title()) !== "run" && (await page.$$("main img")).length === 0);
    // By the debugger, which no policy holds up.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run());
    check(`${what} can be used by everybody`, violations.length === 0, JSON.stringify(violations.map((it) => [it.id, it.nodes[0].html])));
    const own = noise.filter((it) => !(status === 404 && it.includes("404")));
    check(`${what} makes no noise`, own.length === 0, own.join("\n"));
    if (pictures) await page.screenshot({ path: join(pictures, `${kind}-${name}.png`), fullPage: name !== "lesson" });
  }
  await context.close();
  return pages;
}

// What people do, with the keyboard and with the mouse.
async function use(browser, base, pages) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(pages.user);
  check("who is not signed in is led to the door, and back", page.url().includes("/sign-in?back="));
  await page.fill("#token", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]");
  await page.fill("#token", TOKEN);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/user?**");
  check("the door leads back", page.url() === pages.user, page.url());

  await page.goto(pages.rooms);
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  check("the keyboard can skip to the content", first === "skip", first);
  await page.fill("#name", "LESSON");
  await page.keyboard.press("Enter");
  await page.waitForURL("**name=LESSON**");
  check("a room is found by a part of its name", (await page.$$("tbody tr")).length === 1);
  await page.click("tbody a");
  check("everybody is drawn", (await page.$$(".names li")).length === 500);
  check("whoever left without a word is drawn so", (await page.$$("rect.inferred")).length > 10);
  const box = await (await page.$("svg.bars")).boundingBox();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  await page.mouse.up();
  await page.waitForURL("**from=**");
  const [from, to] = ["from", "to"].map((name) => Number(new URL(page.url()).searchParams.get(name)));
  check("a part is seen larger", to > from && (await page.$$(".names li")).length === 500, page.url());

  await page.goto(pages.users);
  check("a page of users is told", (await page.$$("tbody tr")).length === 50);
  await page.click("text=Search on");
  check("and the next one", (await page.$$("tbody tr")).length === 21);
  await page.goto(pages.user);
  check("a name is shown as it is", (await page.inputValue("#name")) === NASTY);
  await page.fill("#name", "Eleven");
  await page.fill("#tags", "vip\nnew");
  await page.click("form.card button");
  await page.waitForSelector("[role=status]");
  await page.fill("#name", "x".repeat(101));
  await page.click("form.card button");
  await page.waitForSelector("[role=alert]");
  await page.click("form.card button");
  await page.waitForSelector("[role=alert]");
  check("what was refused is refused again", (await page.inputValue("#name")).length === 101);
  await page.fill("#name", "Eleven");
  await page.click("form.card button");
  await page.waitForSelector("[role=status]");
  check("a profile is changed", (await page.inputValue("#name")) === "Eleven" && (await page.inputValue("#tags")) === "vip\nnew");
  await page.goto(`${pages.users}?tags=${encodeURIComponent("vip AND NOT old")}`);
  check("a user is found by tags", (await page.$$("tbody tr")).length === 1);
  await page.goto(pages.deregister);
  await page.click("main button");
  await page.waitForURL("**done=gone");
  check("a user is deregistered", (await page.$$("#name")).length === 0);

  await page.goto(pages.live);
  const people = async () => Number(await page.textContent(".figures b"));
  const before = await people();
  const event = {
    specversion: "1.0", id: "live", source: "sfu", type: "rtc.participant.joined", time: new Date().toISOString(),
    data: { roomId: "just now", callId: "l", userId: "newcomer" },
  };
  await fetch(`${base}/v1/events`, {
    method: "POST",
    headers: { authorization: "Bearer whowas-demo-events", "content-type": "application/cloudevents+json" },
    body: JSON.stringify(event),
  });
  await page.waitForFunction((count) => Number(document.querySelector(".figures b").textContent) === count, before + 1, { timeout: 20_000 });
  check("the live page is told", (await people()) === before + 1);

  await page.click("text=中文");
  await page.waitForSelector('html[lang="zh"]');
  check("the language changes where one is", page.url() === pages.live, page.url());
  await page.click("text=退出");
  await page.waitForURL("**/sign-in");
  await page.goto(pages.rooms);
  check("who has signed out is out", page.url().includes("/sign-in"));
}

const folder = mkdtempSync(join(tmpdir(), "whowas-console-"));
if (pictures) mkdirSync(pictures, { recursive: true });
const { server, base } = await serve(folder);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
try {
  await fill(base);
  await register(base);
  const desktop = { viewport: { width: 1280, height: 900 } };
  const phone = { viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  let pages;
  for (const locale of ["en-US", "zh-CN"]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const [name, device] of [["desktop", desktop], ["phone", phone]]) {
        pages = await look(browser, base, `${name} ${colorScheme} ${locale}`, { ...device, colorScheme, locale });
      }
    }
  }
  await use(browser, base, pages);
} catch (error) {
  check("it went on to the end", false, error.stack);
} finally {
  await browser.close();
  server.kill("SIGTERM");
  const status = await new Promise((done) => (server.exitCode === null ? server.on("exit", done) : done(server.exitCode)));
  check("the server stopped cleanly", status === 0, status);
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 ? 1 : 0);
