/* Draws a page's blocks, and draws them again when a filter changes. */
(function () {
  "use strict";

  const { index, column, dateOf, filtered, frame, newest, format, worded, labels, told, period, overdue } = window.figures;
  const { publication, blocks } = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const shown = Object.values(blocks).filter((block) => block.state === "full");
  const MOST_ROWS = 500;

  /** An element with attributes and children; texts are never read as HTML. */
  function made(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const section = (block) => document.getElementById(block.name);
  const part = (block, selector) => section(block).querySelector(selector);
  const nothing = () => made("p", { class: "state" }, "No rows in this period and segment. Widen the filter to see some.");

  // Tables

  function cell(value, described, tag = "td") {
    const kind = described.kind === "number" ? "of-number" : described.kind === "date" || described.kind === "moment" ? "of-date" : undefined;
    return made(tag, { class: kind, scope: tag === "th" ? "row" : undefined }, told(value, described));
  }

  function table(head, rows, caption) {
    return made(
      "table",
      { "aria-label": caption },
      made("thead", {}, made("tr", {}, ...head.map((each) => made("th", { scope: "col", title: each.definition, class: each.kind === "number" ? "of-number" : undefined, "aria-sort": each.sorted }, each.button || each.label)))),
      made("tbody", {}, ...rows),
    );
  }

  /** The figures behind a chart, as filtered and summed. */
  function data(block, drawn) {
    const kind = block.x ? column(block, block.x).kind : "text";
    const unit = block.unit || column(block, block.y[0]).unit;
    const names = labels(drawn.x, kind);
    const figure = { kind: "number", unit: block.chart === "funnel" ? "" : unit };
    const head = [{ label: block.x ? column(block, block.x).label : "", kind: "text" }];
    for (const each of drawn.series) {
      head.push({ label: each.name, kind: "number", definition: column(block, block.by ? block.y[0] : block.y[each.number]).definition });
      if (block.low) head.push({ label: "from", kind: "number" }, { label: "to", kind: "number" });
    }
    const rows = names.slice(0, MOST_ROWS).map((name, position) => {
      const cells = drawn.series.flatMap((each) => {
        const { value, low, high } = each.cells[position];
        return block.low ? [value, low, high] : [value];
      });
      return made("tr", {}, made("th", { scope: "row" }, name), ...cells.map((value) => cell(value, figure)));
    });
    const parts = [table(head, rows, block.title)];
    if (names.length > MOST_ROWS) parts.push(made("p", { class: "note" }, `The first ${MOST_ROWS} of ${names.length} rows.`));
    return parts;
  }

  // What a table block remembers between drawings.
  const state = {};

  function drawTable(block, filters) {
    const mine = (state[block.name] ??= { wanted: "", sort: "", falling: false });
    const columns = (block.y.length ? block.y : block.columns.map((each) => each.name)).map((name) => column(block, name));
    const box = part(block, ".drawn");
    if (!box.firstChild) {
      if (block.search.length) {
        const field = made("input", { type: "search", id: `${block.name}-search`, autocomplete: "off", input: (event) => { mine.wanted = event.target.value; fill(); } });
        const told = block.search.map((name) => column(block, name).label.toLowerCase()).join(", ");
        box.append(made("div", { class: "search" }, made("label", { for: field.id }, `Search ${told}`), field, made("span", { role: "status" })));
      }
      box.append(made("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": block.title }));
    }
    mine.filters = filters;
    mine.fill = fill;
    fill();

    function fill() {
      const words = mine.wanted.toLowerCase().split(/\s+/).filter(Boolean);
      const looked = block.search.map((name) => index(block, name));
      let rows = filtered(block, mine.filters).filter((row) => {
        const text = looked.map((at) => row[at] ?? "").join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      });
      if (mine.sort) {
        const at = index(block, mine.sort);
        const order = (one, other) => (one === other ? 0 : one === null ? 1 : other === null ? -1 : (one < other ? -1 : 1) * (mine.falling ? -1 : 1));
        rows = [...rows].sort((one, other) => order(one[at], other[at]));
      }
      const said = box.querySelector("[role=status]");
      const shortened = rows.length > MOST_ROWS ? `, the first ${MOST_ROWS} of them shown` : "";
      const cut = block.left_out ? `; ${format(block.left_out)} more are in the mart` : "";
      const count = `${format(rows.length)} of ${format(block.rows.length)} rows${shortened}${cut}`;
      if (said) said.textContent = count;
      else if (shortened || cut) say(block, count);
      const head = columns.map((each) => ({
        ...each,
        sorted: mine.sort === each.name ? (mine.falling ? "descending" : "ascending") : undefined,
        button: made("button", { type: "button", "aria-sort-mark": mine.sort === each.name ? (mine.falling ? "↓" : "↑") : undefined, click: () => sort(each) }, each.label),
      }));
      const drawn = rows.slice(0, MOST_ROWS).map((row) => line(block, columns, row));
      box.querySelector(".scroll").replaceChildren(rows.length ? table(head, drawn, block.title) : nothing());
    }

    function sort(by) {
      mine.falling = mine.sort === by.name ? !mine.falling : by.kind === "number";
      mine.sort = by.name;
      fill();
      const at = columns.indexOf(by);
      box.querySelectorAll("thead button")[at].focus();
    }
  }

  /** A row; where the query gives more than the table shows, the first cell opens the rest. */
  function line(block, columns, row) {
    const rest = block.columns.filter((each) => !columns.includes(each));
    const [first, ...others] = columns;
    const value = (each) => row[index(block, each.name)];
    if (!rest.length || !block.search.length) return made("tr", {}, ...columns.map((each) => cell(value(each), each)));
    const button = made("button", { type: "button", class: "open", "aria-expanded": "false", click: () => toggle() }, told(value(first), first));
    const element = made("tr", {}, made("th", { scope: "row" }, button), ...others.map((each) => cell(value(each), each)));
    function toggle() {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) return element.nextSibling.remove();
      const why = (each) => (each.own ? [made("span", { class: "why" }, each.definition)] : []);
      const entries = block.columns.map((each) => made("div", {}, made("dt", {}, each.label), made("dd", {}, told(value(each), each), ...why(each))));
      element.after(made("tr", {}, made("td", { colspan: columns.length }, made("dl", { class: "record" }, ...entries))));
    }
    return element;
  }

  // Numbers

  function drawNumber(block, filters) {
    const { last, before } = newest(block, filters);
    const box = part(block, ".drawn");
    if (!last) return box.replaceChildren(nothing());
    const unit = block.unit || column(block, block.y[0]).unit;
    const figure = made("div", { class: "figure", role: "note", tabindex: "0", "aria-describedby": `${block.name}-defined` }, format(last.value, unit, false));
    const when = block.x ? last.name : "";
    const words = [worded(last.value, unit).replace(format(last.value, unit, false), "").trim(), when].filter(Boolean).join(", ");
    const lines = [figure, made("p", { class: "against" }, words)];
    if (before) {
      const change = last.value - before.value;
      const sign = change > 0 ? "+" : "";
      // Shares and scores differ by points: NPS passes through 0, where per cent say nothing.
      const steps = { share: 100, NPS: 1 }[unit];
      const share = !steps && before.value > 0 ? ` (${sign}${format(change / before.value, "share", false)})` : "";
      const points = steps ? `${sign}${format(steps * change, "", false)} points` : `${sign}${format(change, unit, false)}`;
      lines.push(made("p", { class: "against" }, `${points}${share} since ${before.name}`));
    }
    return box.replaceChildren(...lines);
  }

  // Charts

  function say(block, text) {
    const line = part(block, ".said");
    line.textContent = text;
    line.hidden = !text;
  }

  /** Which filters do not reach a block, so that nobody reads it as if they did. */
  function unreached(block, filters) {
    const missed = [];
    if (filters.segment !== "all" && !block.segment) missed.push("segment");
    if (!dateOf(block) && (filters.from || filters.to) && hasPeriod()) missed.push("period");
    return missed.length ? `Not filtered by ${missed.join(" or ")}.` : "";
  }

  const hasPeriod = () => shown.some(dateOf);

  function drawChart(block, filters) {
    const box = part(block, ".drawn");
    const drawn = frame(block, filters);
    const details = part(block, "details.data");
    details.hidden = !drawn.x.length;
    if (!drawn.x.length || !drawn.series.length) {
      block.chartDrawn?.dispose();
      block.chartDrawn = undefined;
      return box.replaceChildren(nothing());
    }
    if (!block.chartDrawn) {
      box.replaceChildren(made("div", { class: "chart", role: "img" }));
      block.chartDrawn = echarts.init(box.firstChild, undefined, { renderer: "svg" });
    }
    box.firstChild.style.height = `${charts.height(block, drawn)}px`;
    box.firstChild.setAttribute("aria-label", charts.summary(block, drawn));
    block.chartDrawn.resize();
    block.chartDrawn.setOption(charts.option(block, drawn, box.clientWidth), { notMerge: true });
    if (drawn.partial) say(block, [unreached(block, filters), "Pale: the period is not over, so it may still change."].filter(Boolean).join(" "));
    const fill = () => details.open && details.querySelector(".scroll").replaceChildren(...data(block, drawn));
    details.ontoggle = fill;
    return fill();
  }

  function draw() {
    const filters = read();
    for (const block of shown) {
      say(block, unreached(block, filters));
      if (block.chart === "table") drawTable(block, filters);
      else if (block.chart === "number") drawNumber(block, filters);
      else drawChart(block, filters);
    }
    remember(filters);
  }

  // Filters; they lie in the address, so that a link shows what its sender saw.

  function read() {
    const { period: choice, from, to, segment } = form.elements;
    if (choice.value !== "custom") {
      const chosen = period(choice.value, publication.data_as_of || publication.published_at);
      [from.value, to.value] = [chosen.from, chosen.to];
    }
    return { from: from.value, to: to.value, segment: segment.value };
  }

  function remember(filters) {
    const { period: choice } = form.elements;
    const said = new URLSearchParams();
    if (choice.value !== "365") said.set("period", choice.value);
    if (choice.value === "custom") for (const end of ["from", "to"]) if (filters[end]) said.set(end, filters[end]);
    if (filters.segment !== "all") said.set("segment", filters.segment);
    const query = said.size ? `?${said}` : "";
    try {
      history.replaceState(null, "", `${location.pathname}${query}${location.hash}`);
    } catch { /* Some browsers refuse it to a page that is opened from a folder. */ }
    for (const link of document.querySelectorAll(".keeps-filters")) link.search = query;
  }

  function restore() {
    const said = new URLSearchParams(location.search);
    const { period: choice, from, to, segment } = form.elements;
    const known = (select, value) => [...select.options].some((each) => each.value === value);
    if (known(choice, said.get("period"))) choice.value = said.get("period");
    if (choice.value === "custom") [from.value, to.value] = [said.get("from") || "", said.get("to") || ""];
    // A segment that this page does not have stays chosen for the pages that do.
    const wanted = said.get("segment");
    if (wanted && !known(segment, wanted)) segment.append(made("option", { value: wanted }, named(wanted)));
    if (wanted) segment.value = wanted;
  }

  const named = (segment) => format(segment);

  function prepare() {
    const segments = new Set(shown.filter((block) => block.segment).flatMap((block) => block.rows.map((row) => row[index(block, block.segment)])));
    for (const each of [...segments].filter((each) => each && each !== "all").sort()) {
      form.elements.segment.append(made("option", { value: each }, named(each)));
    }
    const hasSegments = segments.size > 0;
    for (const label of form.querySelectorAll(".when")) label.hidden = !hasPeriod();
    form.querySelector(".which").hidden = !hasSegments;
    form.hidden = !hasPeriod() && !hasSegments;
    form.addEventListener("input", (event) => {
      if (["from", "to"].includes(event.target.name)) form.elements.period.value = "custom";
      draw();
    });
    form.addEventListener("reset", () => setTimeout(draw));
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function warn() {
    const late = publication.published_at && overdue(publication.published_at, Date.now());
    if (!late) return;
    const line = document.getElementById("stale");
    line.textContent = `These pages are ${late} old: no night has published since. \`productops status\` says why.`;
    line.hidden = false;
  }

  // Escape shuts a definition that is open (WCAG 1.4.13), until it is asked for again.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const hint of document.querySelectorAll(".hint")) hint.classList.add("shut");
  });
  for (const kind of ["focusin", "pointerover"]) {
    document.addEventListener(kind, (event) => event.target.closest?.(".block")?.querySelector(".hint").classList.remove("shut"));
  }

  let [width, printing] = [0, false];
  new ResizeObserver(() => {
    if (printing || document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    draw();
  }).observe(document.body);
  // Paper is narrower than the window: what is drawn for 700 px is then scaled to the column.
  window.addEventListener("beforeprint", () => {
    printing = true;
    for (const { chartDrawn: drawn } of shown) {
      drawn?.resize({ width: 700 });
      drawn?.getDom().querySelector("svg").setAttribute("viewBox", `0 0 700 ${drawn.getHeight()}`);
    }
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    for (const { chartDrawn: drawn } of shown) drawn?.getDom().querySelector("svg").removeAttribute("viewBox");
    draw();
  });

  prepare();
  restore();
  warn();
  draw();
  width = document.body.clientWidth;
})();
