"use strict";
(function () {
  const PRINT_WIDTH_PX = 700;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const byName = new Map(figures.map((figure) => [figure.name, figure]));
  const settings = {
    responsive: true, displaylogo: false, showSendToCloud: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
  let zooming = false;

  function drawnPlots() {
    return [...document.querySelectorAll(".figure[data-drawn]")];
  }

  // Trends share the run's time: a look at ten minutes of one is a look at the same ten minutes of all.
  function zoomTogether(source, change) {
    if (zooming) return;
    const low = change["xaxis.range[0]"], high = change["xaxis.range[1]"];
    const whole = change["xaxis.autorange"];
    if (low === undefined && !whole) return;
    zooming = true;
    const others = drawnPlots().filter((plot) => plot !== source && byName.get(plot.dataset.figure).linked);
    const update = whole ? { "xaxis.autorange": true } : { "xaxis.range": [low, high] };
    Promise.all(others.map((plot) => Plotly.relayout(plot, update))).finally(() => { zooming = false; });
  }

  function draw(plot) {
    const figure = byName.get(plot.dataset.figure);
    if (!figure || plot.dataset.drawn) return Promise.resolve();
    plot.dataset.drawn = "yes";
    return Plotly.newPlot(plot, figure.data, figure.layout, settings).then(() => {
      if (figure.linked) plot.on("plotly_relayout", (change) => zoomTogether(plot, change));
    });
  }

  function visiblePlots() {
    return [...document.querySelectorAll(".figure")].filter((plot) => !plot.closest("details:not([open])"));
  }

  document.querySelectorAll("details").forEach((details) => {
    details.addEventListener("toggle", () => {
      if (details.open) details.querySelectorAll(".figure").forEach(draw);
    });
  });
  window.addEventListener("beforeprint", () => {
    drawnPlots().forEach((plot) => Plotly.relayout(plot, { autosize: false, width: PRINT_WIDTH_PX }));
  });
  window.addEventListener("afterprint", () => {
    drawnPlots().forEach((plot) => Plotly.relayout(plot, { autosize: true, width: null }));
  });
  Promise.all(visiblePlots().map(draw)).then(
    () => { document.body.dataset.figures = String(drawnPlots().length); },
    (error) => { document.body.dataset.failed = String(error); console.error(error); },
  );
})();
