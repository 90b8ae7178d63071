// Charts of columns that are replaced as the page refreshes.

const HEIGHT = 170;
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shown = (digits) => (_, value) => (value == null ? "–" : value.toFixed(digits));

export class Chart {
  // `lines`: [{label, color, dash}]; `limits`: [low, high], null where the data decide.
  constructor(place, lines, { digits = 0, limits = [0, null], mark = null } = {}) {
    this.place = place;
    this.marks = [];
    this.make = () => this.plot(lines, digits, limits, mark);
    this.data = [[], ...lines.map(() => [])];
    this.make();
    new ResizeObserver(() => this.fit()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.again());
  }

  plot(lines, digits, limits, mark) {
    const axis = { stroke: style("--quiet"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false } };
    this.uplot = new uPlot({
      width: this.place.clientWidth || 300,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, low, high) => bounds(low, high, limits) } },
      axes: [{ ...axis, space: 60, size: 30, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 44, values: (_, ticks) => ticks.map(tick) }],
      series: [{ label: "at", value: (_, time) => (time == null ? "–" : clock(time)) }, ...lines.map((line) => ({
        label: line.label, stroke: style(line.color), width: 2, dash: line.dash, spanGaps: false,
        points: { size: 4 }, value: shown(digits),
      }))],
      hooks: { draw: [(plot) => this.drawMarks(plot, mark)] },
    }, this.data, this.place);
    this.reachable();
  }

  reachable() {
    const over = this.uplot.root;
    over.tabIndex = 0;
    over.setAttribute("role", "group");
    over.setAttribute("aria-label", `Chart: ${this.place.parentElement.querySelector("figcaption").textContent}`);
    over.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) { event.preventDefault(); this.move(step); }
    });
  }

  move(step) {
    const last = this.data[0].length - 1;
    const now = this.uplot.cursor.idx ?? (step < 0 ? last + 1 : -1);
    const next = Math.min(last, Math.max(0, now + step));
    if (last >= 0) this.uplot.setCursor({ left: this.uplot.valToPos(this.data[0][next], "x"), top: 10 });
  }

  show(data, marks = []) {
    this.data = data;
    this.marks = marks;
    this.uplot.setData(data);
    this.tell();
  }

  // The legend shows the latest values as long as nobody points at others.
  tell() {
    requestAnimationFrame(() => {
      const idx = latest(this.data);
      if (idx != null && this.uplot.cursor.idx == null) this.uplot.setLegend({ idx, idxs: this.data.map(() => idx) });
    });
  }

  again() {
    this.uplot.destroy();
    this.make();
    this.tell();
  }

  fit() {
    this.uplot.setSize({ width: this.place.clientWidth, height: HEIGHT });
    this.tell();
  }

  drawMarks(plot, mark) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = style("--quiet");
    ctx.setLineDash([5, 5]);
    const inside = this.marks.filter((time) => time >= plot.scales.x.min && time <= plot.scales.x.max);
    for (const x of inside.map((time) => plot.valToPos(time, "x", true))) line(ctx, x, bbox.top, x, bbox.top + bbox.height);
    const y = mark == null ? -1 : plot.valToPos(mark, "y", true);
    ctx.strokeStyle = style("--bad");
    if (y >= bbox.top && y <= bbox.top + bbox.height) line(ctx, bbox.left, y, bbox.left + bbox.width, y);
    ctx.restore();
  }
}

function line(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function latest(data) {
  for (let at = data[0].length - 1; at >= 0; at--) {
    if (data.slice(1).some((column) => column[at] != null)) return at;
  }
  return null;
}

function bounds(low, high, [least, most]) {
  const from = least ?? (low ?? 0);
  const to = most ?? Math.max(high ?? 1, from + 1e-6);
  const room = (to - from || 1) * 0.08;
  return [least ?? from - room, most ?? to + room];
}

function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function tick(value) {
  if (Math.abs(value) >= 1000) return `${+(value / 1000).toFixed(1)}k`;
  return `${+value.toFixed(3)}`;
}
