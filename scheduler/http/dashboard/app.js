// The dashboard: signs in, keeps the connection, and shows the page that the address names.
import { ApiError, follow, get, token } from "/assets/api.js";
import { fill, h } from "/assets/ui.js";
import { jobsPage } from "/assets/jobs.js";
import { jobPage } from "/assets/job.js";
import { workersPage } from "/assets/workers.js";

const main = document.getElementById("main"), banner = document.getElementById("banner"), link = document.getElementById("link");
let me = null, page = null, unfollow = null, lost = false;

const kPages = [[/^#\/jobs\/(\d+)$/, jobPage, "#/"], [/^#\/workers$/, workersPage, "#/workers"], [/^(#\/?)?$/, jobsPage, "#/"]];

function tell() {
  document.body.classList.toggle("stale", lost);
  link.className = "link " + (lost ? "lost" : "live");
  link.textContent = lost ? "connection lost" : "live";
  const text = lost ? "The connection to the scheduler is lost. What is shown may be out of date; trying again \u2026" : me && !me.is_dispatching ? `No tasks are given out: ${me.reason}` : "";
  banner.textContent = text;
  banner.hidden = !text;
}

async function show() {
  page?.close?.();
  page = null;
  if (!me) return signIn();
  const address = location.hash;
  for (const [pattern, make, tab] of kPages) {
    const match = pattern.exec(address);
    if (!match) continue;
    for (const a of document.querySelectorAll("#nav a")) {
      if (a.getAttribute("href") === tab) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    fill(main);
    try {
      page = make(main, me, match[1]);
      await page.load();
    } catch (error) {
      failed(error);
    }
    return;
  }
  location.hash = "#/";
}

function failed(error) {
  if (!(error instanceof ApiError)) console.error(error);
  fill(main, h("div", { class: "empty" }, h("p", {}, error.message), error.help && h("p", {}, error.help), h("button", { type: "button", onclick: show }, "Try again")));
}

function signIn(why = "") {
  document.title = "dubfarm";
  document.getElementById("nav").hidden = document.getElementById("who").hidden = true;
  const error = h("p", { class: "error", role: "alert" }, why);
  const field = h("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true, placeholder: "dft_\u2026" });
  const enter = async (event) => {
    event.preventDefault();
    token.set(field.value.trim());
    if (!(await start())) { error.textContent = "The farm does not know this token."; field.select(); }
  };
  fill(main, h("form", { class: "card login", onsubmit: enter }, h("h1", {}, "Sign in"),
    h("p", { class: "soft" }, "An admin of the farm makes tokens with ", h("code", {}, "dubfarm tokens create"), ". It is kept in this tab only."),
    h("label", { for: "token" }, "Token"), field, error, h("button", { class: "main" }, "Sign in")));
  field.focus();
}

async function start() {
  if (!token.get()) return false;
  try {
    me = await get("/me");
  } catch (error) {
    if (error.status === 401) { token.clear(); return false; }
    failed(error);
    setTimeout(() => me || start(), 3000);
    return true;
  }
  document.getElementById("nav").hidden = document.getElementById("who").hidden = false;
  document.getElementById("name").textContent = me.token.name;
  unfollow?.();
  let fresh = true;
  unfollow = follow((event, data) => {
    if (event === "reset") { if (!fresh) page?.load().catch(failed); }
    else if (event === "farm") { Object.assign(me, data); tell(); }
    else if (event !== "hello" && event !== "seen") page?.on?.(event, data);
    fresh = false;
  }, (state) => { lost = state === "lost"; tell(); });
  tell();
  await show();
  return true;
}

function signOut(why) {
  token.clear();
  unfollow?.();
  page?.close?.();
  me = page = unfollow = null;
  lost = false;
  document.body.classList.remove("stale");
  banner.hidden = true;
  signIn(why);
}

document.getElementById("leave").addEventListener("click", () => signOut(""));
addEventListener("signed-out", () => { if (me) signOut("This token has expired or was revoked."); });
addEventListener("hashchange", show);
if (!(await start())) signIn(token.get() ? "The farm does not know this token." : "");
