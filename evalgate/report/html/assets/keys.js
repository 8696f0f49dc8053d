function focusRow(row) {
  const link = byId("case-rows").querySelectorAll("a[data-case]")[row];
  if (!link) return;
  state.row = row;
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: "nearest" });
}

function moveRow(by) {
  const rows = Math.min(PAGE, state.found.length - state.page * PAGE);
  const next = state.row + by;
  if (next < 0 && state.page > 0) {
    turn(-1);
    focusRow(PAGE - 1);
  } else if (next >= rows && (state.page + 1) * PAGE < state.found.length) {
    turn(1);
    focusRow(0);
  } else focusRow(Math.max(0, Math.min(rows - 1, next)));
}

function cycleFlips() {
  const turns = ["all", "broke", "fixed"].filter((show) => [...byId("pick-kind").options].some((each) => each.value === show));
  showOnly(turns[(turns.indexOf(state.show) + 1) % turns.length]);
  byId("cases").scrollIntoView();
}

const KEYS = {
  "/": () => byId("search").focus(),
  j: () => (open === null ? moveRow(1) : step(1)),
  k: () => (open === null ? moveRow(-1) : step(-1)),
  f: () => open === null && cycleFlips(),
  "?": () => !byId("keys").open && byId("keys").showModal(),
};

function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest && event.target.closest("input, select, textarea");
    if (typing) {
      if (event.key === "Escape" && event.target.id === "search") event.target.blur();
      return;
    }
    if (byId("keys").open || !Object.hasOwn(KEYS, event.key)) return;
    if (event.key === "/" && open !== null) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  byId("case-rows").addEventListener("click", (event) => {
    const link = event.target.closest("a[data-case]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openCase(Number(link.dataset.case));
  });
  byId("case-rows").addEventListener("focusin", (event) => {
    const link = event.target.closest("a[data-case]");
    if (link) state.row = [...byId("case-rows").querySelectorAll("a[data-case]")].indexOf(link);
  });
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-show]");
    if (!link) return;
    if (Number(link.dataset.in) !== state.at) await choose(Number(link.dataset.in));
    showOnly(link.dataset.show);
  });
  byId("case-close").addEventListener("click", () => byId("case").close());
  byId("case-previous").addEventListener("click", () => step(-1));
  byId("case-next").addEventListener("click", () => step(1));
  byId("case").addEventListener("close", closed);
  byId("keys-close").addEventListener("click", () => byId("keys").close());
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details")) each.open = true;
  });
}

async function start() {
  root.classList.replace("plain", "scripts");
  startTable();
  startKeys();
  await choose(0);
  refresh();
  root.dataset.ready = String(Math.round(performance.now()));
  await follow();
}

if (head && head.comparisons.length) start();
