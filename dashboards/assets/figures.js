/* From a block's rows to what is shown: filters, sums and formats. Knows no document. */
(function (root) {
  "use strict";

  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const HOUR = 3600 * 1000;

  /** Words joined as code joins them, read as words: mid_market, and not an id such as acc_01. */
  const spaced = (text) => (/^[a-z]+(_[a-z]+)+$/.test(text) ? text.replaceAll("_", " ") : text);

  const index = (block, name) => block.columns.findIndex((each) => each.name === name);
  const column = (block, name) => block.columns[index(block, name)];
  const isTime = (kind) => kind === "date" || kind === "moment";

  /** The column that the period filter looks at, if any. */
  function dateOf(block) {
    if (block.date) return block.date;
    const x = block.x ? column(block, block.x) : undefined;
    return x && isTime(x.kind) ? block.x : "";
  }

  function filtered(block, filters) {
    const date = index(block, dateOf(block));
    const segment = index(block, block.segment);
    const summed = block.additive || block.chart === "table";
    return block.rows.filter((row) => {
      if (date >= 0) {
        const day = row[date] === null ? "" : row[date].slice(0, 10);
        if ((filters.from && day < filters.from) || (filters.to && day > filters.to)) return false;
      }
      if (segment < 0) return true;
      // What must not be summed comes with rows of its own for all segments together.
      return filters.segment === "all" ? summed || row[segment] === "all" : row[segment] === filters.segment;
    });
  }

  const unique = (values) => [...new Set(values)];
  const add = (one, other) => (other === null ? one : (one === null ? 0 : one) + other);

  /** What a chart draws: x values, and a series for each column of y, or for each value of `by`. */
  function frame(block, filters) {
    const at = Object.fromEntries(
      ["x", "by", "over", "low", "high", "complete"].map((key) => [key, index(block, block[key])]),
    );
    const ys = block.y.map((name) => index(block, name));
    const rows = filtered(block, filters);
    const x = at.x < 0 ? [""] : unique(rows.map((row) => row[at.x])).filter((each) => each !== null);
    if (at.x >= 0 && isTime(column(block, block.x).kind)) x.sort();
    // Of all rows, so that a series keeps its colour whatever is filtered.
    const names = at.by < 0 ? block.y : unique(block.rows.map((row) => String(row[at.by] ?? "none")));
    const place = new Map(x.map((each, position) => [each, position]));
    const series = names.map((name, number) => ({
      name: at.by < 0 ? column(block, name).label : spaced(name),
      number,
      cells: x.map(() => ({ value: null, over: null, low: null, high: null, partial: false, rows: 0 })),
    }));
    for (const row of rows) {
      const position = at.x < 0 ? 0 : place.get(row[at.x]);
      if (position === undefined) continue;
      names.forEach((name, number) => {
        if (at.by >= 0 && String(row[at.by] ?? "none") !== name) return;
        const cell = series[number].cells[position];
        cell.rows += 1;
        cell.value = add(cell.value, row[ys[at.by < 0 ? number : 0]]);
        if (at.over >= 0) cell.over = add(cell.over, row[at.over]);
        if (at.low >= 0) [cell.low, cell.high] = [row[at.low], row[at.high]];
        if (at.complete >= 0 && row[at.complete] === false) cell.partial = true;
      });
    }
    for (const cell of series.flatMap((each) => each.cells)) {
      cell.part = cell.value;
      if (at.over >= 0) cell.value = cell.over ? cell.value / cell.over : null;
    }
    const drawn = series.filter((each) => each.cells.some((cell) => cell.rows));
    return { x, series: drawn, partial: drawn.some((each) => each.cells.some((cell) => cell.partial)) };
  }

  /** The newest figure of a period that is over, and the one it is compared with. */
  function newest(block, filters) {
    const { x, series } = frame(block, filters);
    const names = labels(x, block.x ? column(block, block.x).kind : "text");
    const known = x
      .map((_, position) => ({ name: names[position], ...(series[0] ? series[0].cells[position] : { value: null }) }))
      .filter((each) => each.value !== null && !each.partial);
    const last = known[known.length - 1];
    return { last, before: block.x ? known[known.length - 1 - block.compare] : undefined };
  }

  function format(value, unit, compact) {
    if (value === null || value === undefined) return "–";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number") return spaced(String(value));
    // An axis of less than ten per cent tells its ticks apart by their first decimal.
    if (unit === "share") return `${number(100 * value, compact && Math.abs(value) >= 0.1 ? 0 : 1, false)} %`;
    const small = Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0;
    const digits = Number.isInteger(value) ? 0 : small;
    if (unit === "usd") {
      const amount = number(Math.abs(value), compact ? 1 : digits && 2, compact);
      return `${value < 0 ? "−" : ""}$${amount}`;
    }
    return number(value, compact ? 1 : digits, compact);
  }

  function number(value, digits, compact) {
    return new Intl.NumberFormat("en-US", {
      maximumFractionDigits: digits,
      notation: compact && Math.abs(value) >= 10000 ? "compact" : "standard",
    })
      .format(value)
      .replace("-", "−");
  }

  /** A figure with its unit, as one says it. */
  function worded(value, unit) {
    const text = format(value, unit, false);
    return value === null || ["", "usd", "share"].includes(unit) ? text : `${text} ${unit}`;
  }

  /** A day, a month if all of them begin one, or the text it is. */
  function labels(values, kind) {
    if (!isTime(kind)) return values.map((each) => format(each, "", false));
    const months = values.length > 1 && values.every((each) => each.slice(8, 10) === "01");
    return values.map((each) => {
      const [year, month, day] = each.slice(0, 10).split("-");
      const name = MONTHS[Number(month) - 1];
      const clock = kind === "moment" && !months ? each.slice(10, 16) : "";
      return months ? `${name} ${year}` : `${Number(day)} ${name} ${year}${clock}`;
    });
  }

  /** How a cell of a table reads. */
  function told(value, described) {
    return isTime(described.kind) && value !== null
      ? labels([value], described.kind)[0]
      : format(value, described.unit, false);
  }

  /** From the newest day that the data know, so many days back. */
  function period(days, asOf) {
    const to = (asOf || new Date().toISOString()).slice(0, 10);
    if (days === "all") return { from: "", to: "" };
    const first = new Date(Date.parse(`${to}T00:00:00Z`) - (Number(days) - 1) * 24 * HOUR);
    return { from: first.toISOString().slice(0, 10), to };
  }

  /** How long ago the last publication was, if that is too long for a nightly one; else "". */
  function overdue(publishedAt, now) {
    const hours = (now - Date.parse(`${publishedAt}Z`)) / HOUR;
    if (!(hours > 36)) return "";
    return hours < 48 ? `${Math.floor(hours)} hours` : `${Math.floor(hours / 24)} days`;
  }

  const api = { index, column, isTime, dateOf, filtered, frame, newest, format, worded, labels, told, period, overdue };
  root.figures = api;
  if (typeof module !== "undefined") module.exports = api;
})(typeof window === "undefined" ? globalThis : window);
