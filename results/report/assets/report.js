/* Sorts and filters the leaderboard, and draws the plots when they come into view. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  function sortable(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const ordered = [...body.rows];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const isNumber = head.classList.contains("number");
        const now = head.getAttribute("aria-sort");
        // Ranks begin with the best; of other figures one looks for the largest first.
        const first = isNumber && head.dataset.key !== "rank" ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const next = now === "none" ? first : now === first ? other : first;
        heads.forEach((each) => each.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", next);
        const sign = next === "ascending" ? 1 : -1;
        const key = (row) => row.cells[column].dataset.sort;
        const compare = (a, b) => {
          const [x, y] = [key(a), key(b)];
          if (x === "" || y === "") return (x === "") - (y === "");
          const order = isNumber ? x - y : x.localeCompare(y, "en", { numeric: true });
          return sign * order;
        };
        body.append(...ordered.slice().sort(compare));
      });
    });
  }

  function filterable(table) {
    const rows = [...table.tBodies[0].rows];
    const text = (row) => `${row.querySelector(".name").textContent} ${row.dataset.status}`;
    const texts = new Map(rows.map((row) => [row, text(row).toLowerCase()]));
    const apply = () => {
      const wanted = $("filter").value.trim().toLowerCase();
      const [kind, status] = [$("kind").value, $("status").value];
      let shown = 0;
      for (const row of rows) {
        const fits = texts.get(row).includes(wanted) &&
          (!kind || row.dataset.kind === kind) && (!status || row.dataset.status === status);
        row.hidden = !fits;
        shown += fits;
      }
      $("count").textContent = `${shown} of ${rows.length}`;
    };
    for (const id of ["filter", "kind", "status"]) $(id).addEventListener("input", apply);
    table.closest("section").querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
    });
    apply();
  }

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function theme(layout, isNarrow) {
    const [ink, soft, rule, raised] = ["--ink", "--soft", "--rule", "--raised"].map(color);
    const axis = {
      gridcolor: rule, zerolinecolor: rule, linecolor: rule, automargin: true,
      tickfont: { color: soft, size: isNarrow ? 10 : 12 },
    };
    const themed = {
      ...layout,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
      margin: { l: 48, r: isNarrow ? 8 : 16, t: 24, b: 40, ...layout.margin },
      hoverlabel: { bgcolor: raised, bordercolor: rule, font: { color: ink, size: 12 } },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom",
        font: { size: isNarrow ? 10 : 12 }, ...layout.legend },
      autosize: true, width: undefined, height: undefined,
      dragmode: isNarrow ? false : "zoom",
    };
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      const own = layout[name];
      themed[name] = { ...axis, ...own,
        title: own.title && { standoff: 8, ...own.title, font: { size: 12, color: soft } } };
    }
    for (const name of ["xaxis", "yaxis"]) themed[name] = themed[name] || axis;
    return themed;
  }

  function draw(element, plot) {
    const isNarrow = element.clientWidth < 480;
    const options = {
      responsive: true, displaylogo: false, showSendToCloud: false, showEditInChartStudio: false,
      displayModeBar: false,
    };
    const fail = (error) => {
      element.textContent = `This plot could not be drawn: ${error.message || error}`;
      element.classList.add("missing");
      element.style.height = "auto";
    };
    try {
      Plotly.react(element, structuredClone(plot.data), theme(structuredClone(plot.layout), isNarrow),
        options).then(() => { element.dataset.drawn = "yes"; }, fail);
    } catch (error) {
      fail(error);
    }
  }

  function plots() {
    const found = JSON.parse($("plots").textContent);
    const all = [...document.querySelectorAll(".plot")].filter((element) => found[element.id]);
    const redraw = (element) => draw(element, found[element.id]);
    const watcher = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        redraw(target);
      }
    }, { rootMargin: "600px" });
    all.forEach((element) => watcher.observe(element));
    window.addEventListener("beforeprint", () => all.forEach(redraw));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      all.filter((element) => element.dataset.drawn).forEach(redraw);
    });
  }

  sortable($("board"));
  filterable($("board"));
  plots();
})();
