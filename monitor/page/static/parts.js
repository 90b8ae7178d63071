// Pieces of the page, built from what the monitor tells; every text is set as text.

export function element(tag, { text, ...rest } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), rest);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

export const at = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "medium" });
export const percent = (ratio) => (ratio == null ? "–" : `${(100 * ratio).toFixed(ratio > 0.995 && ratio < 1 ? 3 : 1)}%`);
export const number = (value, digits) => (value == null ? "–" : value.toFixed(digits));
export const title = (movie) => movie.replaceAll(/[+_]/g, " ").replace(/ (\d{4})$/, " ($1)");

export function fill(place, ...children) {
  document.querySelector(place).replaceChildren(...children);
}

export function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => (
    cell instanceof Node ? cell : element("td", { text: cell })
  )));
}

export const figure = (text) => element("td", { text, className: "number" });

export function tile(name, value, state = "") {
  return element("div", { className: state }, element("dt", { text: name }), element("dd", { text: value }));
}

// Values by "name label label", labels in the order in which they came.
export function byLabels(figures) {
  return new Map(figures.map(([name, labels, value]) => [[name, ...Object.values(labels)].join(" "), value]));
}
