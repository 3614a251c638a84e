// The theme switch, the chart of the forgetting curve, the drawing of the graph, and focus.
// Every text arrives as text: nothing here writes HTML.
(() => {
  "use strict";

  const root = document.documentElement;

  function isDark() {
    if (root.dataset.theme) return root.dataset.theme === "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // A canvas knows no custom properties and no light-dark(), so an element resolves them.
  function color(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }

  function json(id) {
    const element = document.getElementById(id);
    return element && JSON.parse(element.textContent);
  }

  // Theme.

  function labelTheme() {
    const button = document.getElementById("theme");
    button.setAttribute("aria-label", isDark() ? "Switch to light colors" : "Switch to dark colors");
  }

  function switchTheme() {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("agentmem-theme", root.dataset.theme);
    labelTheme();
    draw();
  }

  // Forgetting curve.

  let chart = null;

  function verticalLine(plot, x, style, dash) {
    const left = plot.valToPos(x, "x", true);
    const { top, height } = plot.bbox;
    plot.ctx.save();
    plot.ctx.strokeStyle = style;
    plot.ctx.lineWidth = devicePixelRatio;
    plot.ctx.setLineDash(dash);
    plot.ctx.beginPath();
    plot.ctx.moveTo(left, top);
    plot.ctx.lineTo(left, top + height);
    plot.ctx.stroke();
    plot.ctx.restore();
  }

  function drawMarks(plot, data) {
    const ratio = devicePixelRatio;
    verticalLine(plot, data.now, color("quiet"), [3 * ratio, 3 * ratio]);
    plot.ctx.save();
    plot.ctx.fillStyle = color("quiet");
    plot.ctx.font = `${11 * ratio}px Inter, sans-serif`;
    plot.ctx.textAlign = "left";
    plot.ctx.fillText("now", plot.valToPos(data.now, "x", true) + 5 * ratio, plot.bbox.top + 11 * ratio);
    plot.ctx.setLineDash([]);
    for (const mark of data.marks) {
      const x = plot.valToPos(mark.x, "x", true);
      const y = plot.valToPos(mark.y, "y", true);
      const size = 4.5 * ratio;
      plot.ctx.beginPath();
      plot.ctx.lineWidth = 2 * ratio;
      plot.ctx.strokeStyle = color(mark.kind === "recalled" || mark.kind === "said" ? "accent" : "warm");
      plot.ctx.fillStyle = color("surface");
      // A shape for each kind of event: circle, square for edits, triangle for what ends a memory.
      if (mark.kind === "edited") plot.ctx.rect(x - size, y - size, 2 * size, 2 * size);
      else if (mark.kind === "archived" || mark.kind === "superseded") {
        plot.ctx.moveTo(x - size, y - size);
        plot.ctx.lineTo(x + size, y - size);
        plot.ctx.lineTo(x, y + size);
        plot.ctx.closePath();
      } else plot.ctx.arc(x, y, size, 0, 2 * Math.PI);
      plot.ctx.fill();
      plot.ctx.stroke();
    }
    plot.ctx.restore();
  }

  function drawCurve() {
    const place = document.getElementById("curve");
    const data = json("curve-data");
    if (chart) chart.destroy();
    chart = null;
    if (!place || !data || !window.uPlot) return;
    const axis = { stroke: color("quiet"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: "12px Inter, sans-serif" };
    const threshold = data.x.map(() => (data.threshold > 0 ? data.threshold : null));
    chart = new uPlot(
      {
        width: place.clientWidth,
        height: place.clientWidth < 500 ? 220 : 280,
        padding: [14, 12, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 } },
        scales: { x: { time: true }, y: { range: [0, 1.06] } },
        axes: [
          { ...axis, space: 80, values: [[86400 * 300, "{YYYY}", null, null, null, null, null, null, 1], [86400 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1], [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1]] },
          { ...axis, size: 52, splits: () => [0, 0.25, 0.5, 0.75, 1], values: (_, ticks) => ticks.map((v) => `${Math.round(v * 100)}%`) },
        ],
        series: [
          {},
          { label: "until now", stroke: color("accent"), width: 2.5, fill: color("accent-wash"), points: { show: false } },
          { label: "if nobody recalls it", stroke: color("accent"), width: 2, dash: [6, 5], points: { show: false } },
          { label: "archived below", stroke: color("warm"), width: 1.5, dash: [2, 4], points: { show: false } },
        ],
        hooks: { draw: [(plot) => drawMarks(plot, data)] },
      },
      [data.x, data.past, data.future, threshold],
      place,
    );
  }

  // Graph.

  let drawing = null;

  function topicColor(number) {
    return color(number < 0 ? "topic-none" : `topic-${number}`);
  }

  function graphStyle() {
    return [
      { selector: "node", style: {
        "background-color": (node) => topicColor(node.data("color")),
        "background-opacity": (node) => 0.15 + 0.85 * node.data("retention"),
        "border-width": 2.5,
        "border-color": (node) => topicColor(node.data("color")),
        width: (node) => 18 + 5 * Math.min(node.data("degree"), 8),
        height: (node) => 18 + 5 * Math.min(node.data("degree"), 8),
        label: "data(label)",
        color: color("ink"),
        "font-family": "Inter, sans-serif",
        "font-size": (node) => (node.data("hub") ? 16 : 13),
        "font-weight": (node) => (node.data("hub") ? 600 : 400),
        // Labels of all would cover each other, so only those of the best linked messages appear
        // at once. The library compares with the size at the next power of two of the zoom.
        "min-zoomed-font-size": (node) => (node.data("hub") ? 7 : 14),
        "text-valign": "bottom",
        "text-margin-y": 5,
        "text-wrap": "wrap",
        "text-max-width": "150px",
        "text-background-color": color("surface"),
        "text-background-opacity": 0.75,
        "text-background-padding": "2px",
      } },
      { selector: "edge", style: {
        "line-color": color("edge"),
        width: (edge) => 1.5 + 6 * Math.max(edge.data("weight") - 0.4, 0),
        "curve-style": "straight",
      } },
      { selector: "node:selected", style: { "border-width": 4, "border-color": color("warm") } },
      { selector: ".far", style: { opacity: 0.18 } },
    ];
  }

  function showNode(node) {
    const note = document.getElementById("graph-note");
    const link = document.createElement("a");
    link.className = "quote";
    link.href = node.data("url");
    link.textContent = node.data("text");
    const about = document.createElement("span");
    about.className = "quiet";
    about.textContent = node.data("about");
    note.replaceChildren(link, about);
    drawing.elements().addClass("far");
    node.closedNeighborhood().removeClass("far");
  }

  function drawGraph() {
    const place = document.getElementById("graph");
    const elements = json("graph-data");
    if (drawing) drawing.destroy();
    drawing = null;
    if (!place || !elements || !window.cytoscape) return;
    // The layout is wider than high, and a phone is not.
    if (place.clientWidth < 1.1 * place.clientHeight) {
      for (const { position } of elements.nodes) [position.x, position.y] = [position.y, position.x];
    }
    drawing = cytoscape({
      container: place,
      elements,
      layout: { name: "preset", fit: true, padding: 36 },
      style: graphStyle(),
      minZoom: 0.1,
      maxZoom: 3,
      boxSelectionEnabled: false,
      autoungrabify: true,
    });
    drawing.on("tap", "node", (event) => showNode(event.target));
    drawing.on("tap", (event) => {
      if (event.target === drawing) drawing.elements().removeClass("far");
    });
  }

  function zoom(how) {
    if (!drawing) return;
    if (how === "fit") drawing.fit(undefined, 36);
    else {
      const middle = { x: drawing.width() / 2, y: drawing.height() / 2 };
      drawing.zoom({ level: drawing.zoom() * (how === "in" ? 1.35 : 1 / 1.35), renderedPosition: middle });
    }
  }

  function draw() {
    drawCurve();
    drawGraph();
  }

  // What is exchanged takes the focus with it; give it to the heading of what came instead.
  function keepFocus() {
    if (document.activeElement === document.body) {
      const place = document.getElementById("results") || document.getElementById("main");
      place.setAttribute("tabindex", "-1");
      place.focus({ preventScroll: true });
    }
  }

  function showError(text) {
    const notice = document.getElementById("notice");
    notice.textContent = text;
    notice.classList.add("error");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoom(button.dataset.zoom);
    if (event.target.closest("#theme")) switchTheme();
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "max-tokens") {
      document.getElementById("budget").textContent = `${event.target.value} tokens`;
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    document.getElementById("notice").classList.remove("error");
    draw();
    keepFocus();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    const reasons = { 401: "The page's session has ended; open it with a new link of agentmem serve.", 429: "Too many requests; wait a moment." };
    const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const detail = page.querySelector("main .empty p");
    showError(reasons[status] || (detail ? detail.textContent : `The server answered ${status}. Nothing was changed.`));
  });
  document.addEventListener("htmx:sendError", () => {
    showError("The server does not answer. Is agentmem serve still running?");
  });
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(draw, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    labelTheme();
    draw();
  });
  labelTheme();
  document.fonts.ready.then(draw);
})();
