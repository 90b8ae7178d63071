// Asks the monitor again and again, and shows what it tells.

import { Chart } from "./charts.js";
import { at, byLabels, element, figure, fill, number, percent, row, tile, title } from "./parts.js";

const EVERY = 5000;
const ONE = { label: "arm 1", color: "--one" };
const TWO = { label: "arm 2", color: "--two", dash: [6, 3] };
const METRICS = {
  record_accuracy: "Record accuracy", recommendation_accuracy: "Recommendation accuracy",
  average_rating: "Average rating", average_top_rating: "Average top rating",
};
const DIGITS = (metric) => (metric.endsWith("accuracy") ? 4 : 3);
const place = (name) => document.getElementById(`chart-${name}`);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;

let charts = null;
let told = null;

function makeCharts(deadline) {
  return {
    requests: new Chart(place("requests"), [{ label: "all", color: "--one" }, { label: "late or failed", color: "--bad" }], { digits: 1 }),
    latency: new Chart(place("latency"), [{ label: "median", color: "--one" }, { label: "95%", color: "--two", dash: [6, 3] }], { mark: deadline }),
    ratio: new Chart(place("ratio"), [{ label: "within", color: "--good" }], { digits: 2, limits: [0, 100] }),
    ...Object.fromEntries(Object.keys(METRICS).map((metric) => [metric, new Chart(place(metric), [ONE, TWO], {
      digits: DIGITS(metric), limits: [null, null],
    })])),
  };
}

function showTraffic(traffic) {
  if (!traffic) return fill("#tiles", tile("Requests", "not counted yet"));
  const { all, day, series, statuses, deadline, lag } = traffic;
  const failed = Object.entries(statuses).filter(([status]) => !"24".includes(status[0])).reduce((sum, [, n]) => sum + n, 0);
  fill("#tiles",
    tile("Requests, all time", all.requests.toLocaleString()),
    tile("Requests, 24 hours", day.requests.toLocaleString()),
    tile(`Within ${deadline} ms, all time`, percent(all.ratio), judged(all.ratio)),
    tile(`Within ${deadline} ms, 24 hours`, percent(day.ratio), judged(day.ratio)),
    tile("Failed, all time", failed.toLocaleString()),
    tile("Log not read yet", lag == null ? "unknown" : lag.toLocaleString(), lag == null ? "bad" : ""));
  const marks = changes();
  charts.requests.show([series.time, series.requests, series.missed], marks);
  charts.latency.show([series.time, series.p50, series.p95], marks);
  charts.ratio.show([series.time, series.ratio.map((each) => each == null ? null : 100 * each)], marks);
}

const judged = (ratio) => (ratio == null ? "" : ratio < 0.8 ? "bad" : "good");
const changes = () => (told.models?.changes ?? []).map((change) => change.time);

function showModels(models, figures) {
  if (!models) return;
  const rows = Object.entries(models.serving).map(([arm, model]) => {
    const age = figures.get(`serving_model_age_seconds ${arm} ${model}`);
    return row(arm, model, figure(age == null ? "–" : (age / 86400).toFixed(1)),
      figure(percent(figures.get(`recommended_coverage_ratio ${arm} ${model}`))),
      figure(signed(figures.get(`recommended_popularity_bias ${arm} ${model}`), 2)), rungs(arm, figures));
  });
  fill("#serving tbody", ...(rows.length ? rows : [row("No model is in service yet.")]));
  fill("#changes tbody", ...models.changes.map((change) => row(
    at(change.time), change.action, change.models[1] ?? "–", change.models[2] ?? "–", `${change.who}: ${change.why}`)));
}

const rungs = (arm, figures) => ["knn", "recent", "popular"]
  .map((rung) => [rung, figures.get(`answers_rung_ratio ${arm} ${rung}`)])
  .filter(([, share]) => share != null).map(([rung, share]) => `${rung} ${percent(share)}`).join(", ") || "–";
const signed = (value, digits) => (value == null ? "–" : (value > 0 ? "+" : "") + value.toFixed(digits));

function showQuality(quality, figures) {
  if (!quality) return;
  const window = chosen("window");
  const time = quality.samples.map((sample) => sample.time);
  const column = (arm, metric) => quality.samples.map((sample) => sample.windows[window]?.[arm]?.[metric] ?? null);
  for (const metric of Object.keys(METRICS)) {
    charts[metric].show([time, column("1", metric), column("2", metric)], changes());
  }
  fill("#experiment tbody", ...Object.entries(METRICS).map(([metric, name]) => compared(metric, name, quality, figures)));
  const began = figures.get("experiment_start_timestamp_seconds");
  const split = figures.get("experiment_split_p");
  fill("#experiment-told", began ? `The running experiment, since ${at(began)}. Arm 1 minus arm 2; p is valid at `
    + `every look and for all four. Split of users: ${split == null ? "nothing to say yet" : `p ${number(split, 3)}`}.`
    : "No experiment is running.");
}

function compared(metric, name, quality, figures) {
  const last = quality.samples.at(-1)?.windows.experiment ?? {};
  const digits = DIGITS(metric);
  const [difference, low, high, p] = ["difference", "interval_low", "interval_high", "p"]
    .map((part) => figures.get(`experiment_${part} ${metric}`));
  return row(name, figure(number(last[1]?.[metric], digits)), figure(number(last[2]?.[metric], digits)),
    figure(signed(difference, digits)), figure(low == null ? "–" : `${signed(low, digits)} to ${signed(high, digits)}`),
    figure(number(p, 3)));
}

function showAlerts(alerts) {
  if (!alerts) return;
  const firing = alerts.filter((alert) => alert.status === "firing").length;
  fill("#firing", firing ? `${firing} firing` : "none firing");
  const items = alerts.map((alert) => element("li", { className: alert.status },
    element("strong", { text: alert.name }), ` ${alert.status} ${alert.severity && `(${alert.severity})`}`,
    element("div", { text: alert.summary }),
    element("small", { text: new Date(alert.started).toLocaleString() + (alert.ended ? ` to ${new Date(alert.ended).toLocaleString()}` : "") })));
  fill("#alerts", ...(items.length ? items : [element("li", { text: "None was told of yet." })]));
}

function show() {
  charts ??= makeCharts(told.traffic?.deadline ?? null);
  const figures = byLabels(told.quality?.figures ?? []);
  showTraffic(told.traffic);
  showModels(told.models, figures);
  showQuality(told.quality, figures);
  showAlerts(told.alerts);
  const newest = told.traffic?.newest;
  document.querySelector("#updated").textContent = `Updated ${new Date(told.now * 1000).toLocaleTimeString()}`
    + (newest ? ` · newest event ${at(newest)}` : "");
  complain(told.troubles.join(" "));
}

function complain(text) {
  const troubles = document.querySelector("#troubles");
  troubles.hidden = !text;
  if (troubles.textContent !== text) troubles.textContent = text;
}

async function refresh() {
  try {
    const response = await fetch(`/status/data?range=${chosen("range")}`);
    if (!response.ok) return complain(`The monitor says: ${await response.text()}`);
    told = await response.json();
  } catch (error) {
    return complain(`The monitor does not answer, what is shown is old: ${error.message}`);
  }
  return show();
}

const paused = () => document.querySelector("#pause").getAttribute("aria-pressed") === "true";

async function go() {
  if (!paused() && !document.hidden) await refresh();
  setTimeout(go, EVERY);
}

document.querySelector("#pause").addEventListener("click", (event) => {
  const stopped = !paused();
  event.currentTarget.setAttribute("aria-pressed", stopped);
  event.currentTarget.textContent = stopped ? "Go on" : "Pause";
  if (!stopped) refresh();
});
document.querySelectorAll("input[name=range]").forEach((input) => input.addEventListener("change", refresh));
document.querySelectorAll("input[name=window]").forEach((input) => input.addEventListener("change", () => told && show()));
document.querySelector("#explain form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const user = document.querySelector("#user").value.trim();
  fill("#explanation", element("p", { text: "Asking…" }));
  fill("#explanation", ...await explained(user));
});

async function explained(user) {
  try {
    const response = await fetch(`/status/explain/${encodeURIComponent(user)}`);
    if (!response.ok) return [element("p", { className: "wrong", text: await response.text() })];
    return answer(await response.json(), user);
  } catch (error) {
    return [element("p", { className: "wrong", text: `The monitor does not answer: ${error.message}` })];
  }
}

function answer(found, user) {
  const head = `User ${user}: arm ${found.arm}, model ${found.model}, rung ${found.rung}.`;
  const movies = found.movies.map(({ movie, because }) => element("li", {},
    element("span", { text: title(movie), title: movie }), element("div", { className: "because", text: reason(because) })));
  return [element("p", { text: head }), element("ol", {}, ...movies)];
}

function reason(because) {
  if (!because.length) return "popular now";
  const total = because.reduce((sum, part) => sum + part.score, 0);
  const parts = because.slice(0, 4).map((part) => `${title(part.movie)} ${(100 * part.score / total).toFixed(0)}\u00a0%`);
  const left = because.length - parts.length;
  return `because of ${parts.join(", ")}${left > 0 ? `, and ${left} more` : ""}`;
}

go();
