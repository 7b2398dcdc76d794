/* From a frame (figures.js) to what Apache ECharts draws. */
(function (root) {
  "use strict";

  const { column, format, worded, labels, isTime } = root.figures;
  // Each keeps 4.5 to 1 against white, and lines differ by dash and mark as well.
  const COLOURS = ["#0b5cad", "#b34700", "#00795e", "#7b3fb5", "#a8214b", "#6b5b00", "#3f4b5a", "#00718f", "#8a4b2a"];
  const DASHES = ["solid", "dashed", "dotted", [8, 3, 2, 3]];
  const MARKS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect", "emptyTriangle", "emptyDiamond"];
  // From little to much.
  const RAMP = [[236, 243, 251], [8, 64, 129]];
  const INK = "#1c2530", SOFT = "#52606d", LINE = "#d3dae1";
  const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

  const escaped = (text) => String(text).replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
  const colourOf = (series) => COLOURS[series.number % COLOURS.length];
  const unitOf = (block) => block.unit || column(block, block.y[0]).unit;
  const shortened = (width) => (name) => {
    const most = isNarrow(width) ? 15 : 24;
    return name.length > most ? `${name.slice(0, most - 1)}…` : name;
  };

  /** How many lines the names of the series take: a mark, the name, and a gap each. */
  function lines(frame, width) {
    let [used, count] = [0, 1];
    for (const { name } of frame.series) {
      const needed = 42 + 7.4 * name.length;
      if (used && used + needed > width) [used, count] = [0, count + 1];
      used += needed;
    }
    return count;
  }

  const isNarrow = (width) => width < 520;

  function common(frame, width) {
    const narrow = isNarrow(width);
    const named = frame.series.length > 1;
    return {
      animation: false,
      color: COLOURS,
      textStyle: { fontFamily: FONT, color: INK, fontSize: narrow ? 11 : 12 },
      grid: {
        left: 8, right: narrow ? 8 : 16, top: 30 + (named ? 4 + 23 * lines(frame, width) : 0), bottom: 10,
        outerBoundsMode: "same", outerBoundsContain: "axisLabel",
      },
      legend: { show: named, top: 0, left: 0, right: 0, itemWidth: 22, textStyle: { color: INK } },
    };
  }

  const valueAxis = (block, rest) => ({
    type: "value",
    axisLabel: { color: SOFT, hideOverlap: true, formatter: (value) => format(value, unitOf(block), true) },
    splitLine: { lineStyle: { color: LINE } },
    ...rest,
  });
  const categoryAxis = (data, rest) => ({
    type: "category",
    data,
    axisLabel: { color: SOFT, hideOverlap: true },
    axisLine: { lineStyle: { color: "#7b8794" } },
    axisTick: { alignWithLabel: true, show: data.length < 40 },
    ...rest,
  });

  function axisName(block) {
    const unit = unitOf(block);
    return { "": "", usd: "US dollars", share: "per cent" }[unit] ?? unit;
  }

  /** Beside a point: the figure, its parts, its interval, and whether the period is over. */
  function tooltip(block, frame, names) {
    return {
      trigger: "axis",
      confine: true,
      axisPointer: { type: block.chart === "line" ? "line" : "shadow" },
      formatter: (points) => {
        const list = Array.isArray(points) ? points : [points];
        const position = list[0].dataIndex;
        const lines = list.map((point) => {
          const series = frame.series[point.seriesIndex];
          return `${point.marker || ""} ${escaped(series.name)}: <b>${told(block, series.cells[position])}</b>`;
        });
        return [`<b>${escaped(names[position])}</b>`, ...lines].join("<br>");
      },
    };
  }

  function told(block, cell) {
    const parts = [escaped(worded(cell.value, unitOf(block)))];
    if (cell.over !== null && cell.over !== undefined) {
      parts.push(`(${format(cell.part, "", false)} of ${format(cell.over, "", false)})`);
    }
    if (cell.low !== null && cell.low !== undefined) {
      parts.push(`(${format(cell.low, unitOf(block), false)} to ${format(cell.high, unitOf(block), false)})`);
    }
    if (cell.partial) parts.push("· not over yet");
    return parts.join(" ");
  }

  // Words need room, so bars of words lie down.
  const lies = (block) => ["bar", "stacked"].includes(block.chart) && column(block, block.x).kind === "text";
  /** Black or white, whichever is read better on the ramp: 4.5 to 1 at the least. */
  function onRamp(part) {
    const light = RAMP[0].map((low, at) => (low + (RAMP[1][at] - low) * part) / 255);
    const linear = light.map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000" : "#fff";
  }

  /** Of a period that is not over: pale, with an edge that keeps 3 to 1 against the paper. */
  const pale = (cell, colour) =>
    cell.partial ? { color: `${colour}55`, borderColor: colour, borderType: "dashed", borderWidth: 1.5 } : {};

  function along(block, frame, width) {
    const kind = column(block, block.x).kind;
    const names = labels(frame.x, kind);
    const lying = lies(block);
    const line = block.chart === "line";
    const base = common(frame, width);
    const category = categoryAxis(lying ? names.map(shortened(width)) : names, {
      inverse: lying,
      boundaryGap: !line,
      axisLabel: {
        color: SOFT,
        lineHeight: 14,
        hideOverlap: true,
        ...(lying ? { interval: 0 } : { formatter: isTime(kind) ? short(names) : undefined }),
      },
    });
    const known = frame.series.flatMap((each) => each.cells).map((cell) => cell.value).filter((each) => each !== null);
    // A line is read by its slope, so one that is far from zero need not begin there; a bar must.
    const far = line && Math.min(...known) > 0.6 * Math.max(...known);
    const value = valueAxis(block, { scale: far, name: lying ? "" : axisName(block), nameTextStyle: { color: SOFT, align: "left" } });
    return {
      ...base,
      grid: { ...base.grid, top: base.grid.top - (lying ? 22 : 0) },
      tooltip: tooltip(block, frame, names),
      xAxis: lying ? value : category,
      yAxis: lying ? category : value,
      series: frame.series.map((each) => ({
        name: each.name,
        type: line ? "line" : "bar",
        stack: block.chart === "stacked" ? "all" : undefined,
        barMaxWidth: 40,
        connectNulls: false,
        showSymbol: frame.x.length < 60,
        symbol: MARKS[each.number % MARKS.length],
        symbolSize: 6,
        itemStyle: { color: colourOf(each) },
        lineStyle: { width: 2, type: DASHES[each.number % DASHES.length] },
        data: each.cells.map((cell) => ({ value: cell.value, itemStyle: pale(cell, colourOf(each)) })),
      })),
    };
  }

  /** On an axis a day says its year only where the year begins. */
  function short(names) {
    return (name, position) => {
      const words = name.split(" ");
      if (words.length === 2) return words[0] === "Jan" || position === 0 ? `${words[0]}\n${words[1]}` : words[0];
      return words.slice(0, 2).join(" ") + (position === 0 ? `\n${words[2]}` : "");
    };
  }

  function heatmap(block, frame, width) {
    const names = labels(frame.x, column(block, block.x).kind);
    const rows = labels(frame.series.map((each) => each.name), column(block, block.by).kind);
    const cells = frame.series.flatMap((each, row) =>
      each.cells.map((cell, position) => ({ cell, row, position })).filter(({ cell }) => cell.value !== null),
    );
    const most = Math.max(...cells.map(({ cell }) => cell.value), 0) || 1;
    const labelled = !isNarrow(width) && names.length <= 16;
    const base = common(frame, width);
    return {
      ...base,
      legend: undefined,
      grid: { ...base.grid, top: 8, bottom: 62 },
      tooltip: {
        confine: true,
        formatter: ({ value }) =>
          `<b>${escaped(rows[value[1]])}</b>, ${escaped(column(block, block.x).label)} ${escaped(names[value[0]])}<br>` +
          told(block, frame.series[value[1]].cells[value[0]]),
      },
      xAxis: categoryAxis(names, { name: column(block, block.x).label, nameLocation: "middle", nameGap: 26, splitArea: { show: false } }),
      yAxis: categoryAxis(rows, { inverse: true, axisLabel: { color: SOFT, interval: 0, formatter: shortened(width) } }),
      visualMap: {
        min: 0,
        max: most,
        orient: "horizontal",
        left: "center",
        bottom: 0,
        itemHeight: 120,
        itemWidth: 12,
        text: [format(most, unitOf(block), true), format(0, unitOf(block), true)],
        inRange: { color: RAMP.map((each) => `rgb(${each})`) },
        textStyle: { color: SOFT },
      },
      series: [
        {
          type: "heatmap",
          itemStyle: { borderColor: "#fff", borderWidth: 1 },
          data: cells.map(({ cell, row, position }) => ({
            value: [position, row, cell.value],
            label: {
              show: labelled,
              fontSize: 10,
              color: onRamp(cell.value / most),
              formatter: format(cell.value, unitOf(block), true),
            },
          })),
        },
      ],
    };
  }

  /** Steps below each other: how many got there, and which part of those who began. */
  function funnel(block, frame, width) {
    const names = labels(frame.x, column(block, block.x).kind);
    const cells = frame.series[0].cells;
    const first = cells[0].part;
    const base = common(frame, width);
    return {
      ...base,
      legend: undefined,
      grid: { ...base.grid, top: 4, right: isNarrow(width) ? 70 : 110 },
      tooltip: {
        confine: true,
        formatter: ({ dataIndex }) =>
          `<b>${escaped(names[dataIndex])}</b><br>${worded(cells[dataIndex].part, block.unit)}` +
          `, ${format(cells[dataIndex].part / first, "share", false)} of the first step`,
      },
      xAxis: { type: "value", max: first || 1, show: false },
      yAxis: categoryAxis(names, { inverse: true, axisLabel: { color: INK, interval: 0, formatter: shortened(width) }, axisLine: { show: false }, axisTick: { show: false } }),
      series: [
        {
          type: "bar",
          barMaxWidth: 44,
          showBackground: true,
          backgroundStyle: { color: "#eef1f4" },
          itemStyle: { color: COLOURS[0] },
          data: cells.map((cell) => ({
            value: cell.part,
            label: {
              show: true,
              position: "right",
              lineHeight: 15,
              color: INK,
              formatter: `${format(cell.part, "", true)}\n${first ? format(cell.part / first, "share", false) : ""}`,
            },
          })),
        },
      ],
    };
  }

  /** A mark and its interval; series of one x stand beside each other. */
  function errorbars(block, frame, width) {
    const names = labels(frame.x, column(block, block.x).kind);
    const count = frame.series.length;
    const base = common(frame, width);
    return {
      ...base,
      tooltip: tooltip(block, frame, names),
      xAxis: categoryAxis(names),
      yAxis: valueAxis(block, { name: axisName(block), nameTextStyle: { color: SOFT, align: "left" }, min: ({ min }) => Math.min(0, 20 * Math.floor(min / 20)) }),
      series: frame.series.map((each, number) => ({
        name: each.name,
        type: "custom",
        itemStyle: { color: colourOf(each) },
        encode: { x: 0, y: [1, 2, 3] },
        data: each.cells.map((cell, position) => [position, cell.value, cell.low, cell.high]),
        renderItem: (_, api) => {
          if (Number.isNaN(api.value(1))) return undefined;
          const width = api.size([1, 0])[0];
          const shift = ((number - (count - 1) / 2) * width * 0.7) / Math.max(count, 1);
          const [x, y] = api.coord([api.value(0), api.value(1)]);
          const low = api.coord([api.value(0), api.value(2)])[1];
          const high = api.coord([api.value(0), api.value(3)])[1];
          const stroke = { stroke: colourOf(each), lineWidth: 2, fill: undefined };
          const bar = (x1, y1, x2, y2) => ({ type: "line", shape: { x1: x1 + shift, y1, x2: x2 + shift, y2 }, style: stroke });
          const interval = Number.isNaN(low) || Number.isNaN(high) ? [] : [bar(x, low, x, high), bar(x - 5, low, x + 5, low), bar(x - 5, high, x + 5, high)];
          return {
            type: "group",
            children: [...interval, { type: "circle", shape: { cx: x + shift, cy: y, r: 4.5 }, style: { fill: stroke.stroke } }],
          };
        },
      })),
    };
  }

  const KINDS = { line: along, bar: along, stacked: along, heatmap, funnel, errorbars };

  /** What a listener hears of a chart; the table below it has every figure. */
  function summary(block, frame) {
    const names = labels(frame.x, column(block, block.x).kind);
    const parts = frame.series.slice(0, 6).map((each) => {
      const known = each.cells.map((cell, position) => ({ ...cell, position })).filter((cell) => cell.value !== null);
      if (!known.length) return `${each.name}: no figure`;
      const [first, last] = [known[0], known[known.length - 1]];
      return `${each.name}: ${worded(first.value, unitOf(block))} at ${names[first.position]}, ${worded(last.value, unitOf(block))} at ${names[last.position]}`;
    });
    return `${block.title}, ${block.chart}. ${parts.join(". ")}.`;
  }

  root.charts = {
    option: (block, frame, width) => KINDS[block.chart](block, frame, width),
    height: (block, frame) => {
      if (block.chart === "heatmap") return Math.max(240, 90 + 24 * frame.series.length);
      if (block.chart === "funnel") return 50 + 52 * frame.x.length;
      if (!lies(block)) return 320;
      const bars = block.chart === "stacked" ? 1 : frame.series.length;
      return Math.max(200, 90 + frame.x.length * (12 + 13 * bars));
    },
    summary,
  };
})(window);
