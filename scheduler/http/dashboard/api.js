// Talks to the scheduler: requests with the token in a header, and the stream of what changes.
const kKey = "dubfarm.token";
export const token = { get: () => sessionStorage.getItem(kKey), set: (t) => sessionStorage.setItem(kKey, t), clear: () => sessionStorage.removeItem(kKey) };

export class ApiError extends Error {
  constructor(status, error) { super(error.message); this.status = status; this.code = error.code; this.help = error.help; }
}

export async function api(method, path, body) {
  let response;
  try {
    response = await fetch("/api/v1" + path, { method, headers: { Authorization: "Bearer " + token.get(), ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
  } catch {
    throw new ApiError(0, { code: "unreachable", message: "The scheduler does not answer." });
  }
  const json = await response.json().catch(() => ({}));
  if (!response.ok) {
    if (response.status === 401) dispatchEvent(new Event("signed-out"));
    throw new ApiError(response.status, json.error ?? { code: "internal", message: "The scheduler answered " + response.status + "." });
  }
  return json;
}
export const get = (path) => api("GET", path);

/** What `role` needs in `project`, of the grants of /me. */
const kRoles = ["viewer", "submitter", "admin"];
export const may = (me, role, project) => me.token.grants.some((g) => kRoles.indexOf(g.role) >= kRoles.indexOf(role) && (g.project === "*" || g.project === project));

/** The address of one of a job's files, for where no header can be sent. */
export async function fileUrl(job, path) {
  const { ticket } = await api("POST", `/jobs/${job}/ticket`);
  return `/api/v1/jobs/${job}/${path.split("/").map(encodeURIComponent).join("/")}?ticket=${encodeURIComponent(ticket)}`;
}

/** Follows the event stream for ever: on(event, data) for each, state("live" | "lost") when the connection comes and goes. */
export function follow(on, state) {
  const kSilence = 20000;  // the scheduler says something every 8 s
  let last = "", tries = 0, stopped = false, controller;
  const run = async () => {
    while (!stopped) {
      controller = new AbortController();
      let watchdog = 0;
      const alive = () => { clearTimeout(watchdog); watchdog = setTimeout(() => controller.abort(), kSilence); };
      try {
        alive();
        const response = await fetch("/api/v1/events", { headers: { Authorization: "Bearer " + token.get(), ...(last ? { "Last-Event-ID": last } : {}) }, signal: controller.signal, cache: "no-store" });
        if (response.status === 401) { stopped = true; dispatchEvent(new Event("signed-out")); break; }
        if (!response.ok) throw new Error(response.status);
        tries = 0;
        state("live");
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          alive();
          text += value;
          for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
            const event = { event: "message", data: "" };
            for (const line of text.slice(0, end).split("\n")) {
              const colon = line.indexOf(": ");
              if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
            }
            if (event.id) last = event.id;
            if (event.event === "end") { stopped = true; dispatchEvent(new Event("signed-out")); }
            else if (event.data) on(event.event, JSON.parse(event.data));
          }
        }
      } catch { /* told below */ }
      clearTimeout(watchdog);
      if (stopped) break;
      state("lost");
      await new Promise((done) => setTimeout(done, Math.min(15000, 500 * 2 ** tries++) * (0.75 + Math.random() / 2)));
    }
  };
  run();
  return () => { stopped = true; controller?.abort(); };
}
