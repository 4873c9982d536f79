/** The report's own style: no font, picture or script from anywhere. */
export const reportStyle = `
:root { color-scheme: light dark; --ground: #fff; --panel: #f6f7f9; --ink: #1a1d23; --soft: #59616e; --rule: #dfe3e8;
  --s1: #1f66d1; --s2: #c2570c; --s3: #0d7d6c; --good: #13733b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #14161a; --panel: #1d2026; --ink: #e9ebef; --soft: #a2aab6; --rule: #343a44;
  --s1: #6ea8ff; --s2: #ff9d5c; --s3: #4fd1b8; --good: #6cd58f; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 3rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
.soft { color: var(--soft); } code, pre { font: 13px/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; } pre { background: var(--panel); padding: .8rem 1rem; border-radius: 8px; overflow-x: auto; white-space: pre-wrap; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .7rem; margin: 1.2rem 0; }
.tile { background: var(--panel); border-radius: 8px; padding: .7rem .9rem; } .tile b { display: block; font-size: 1.35rem; font-weight: 600; }
.note { border-left: 4px solid var(--s2); background: var(--panel); padding: .6rem .9rem; margin: .6rem 0; border-radius: 0 8px 8px 0; }
.note.bad { border-color: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 30rem; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; padding-left: 0; }
.good { color: var(--good); } .bad { color: var(--bad); } td.good, td.bad { font-weight: 600; }
.charts { margin-top: 1rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; min-width: 0; } figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; font-weight: 600; font-size: .95rem; }
.legend { font-weight: 400; color: var(--soft); } .key { margin-left: .8rem; } .swatch { display: inline-block; width: .8em; height: .25em; margin-right: .35em; vertical-align: middle; background: var(--c); }
svg { display: block; width: 100%; height: auto; } .s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); } .mark { stroke: var(--soft); stroke-dasharray: 3 3; }
.tick { fill: var(--soft); font-size: 11px; } .strong { fill: var(--ink); }
.line { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; } .area { fill: var(--c); opacity: .15; }
.bar { fill: var(--s1); } .hover { fill: transparent; } .hover:hover { fill: var(--soft); opacity: .15; }
@media print { :root { color-scheme: light; --ground: #fff; --panel: #f6f7f9; --ink: #000; --soft: #444; --rule: #ccc; --s1: #1f66d1; --s2: #c2570c; --s3: #0d7d6c; --good: #13733b; --bad: #b3261e; }
  body { max-width: none; padding: 0; font-size: 11pt; } figure, .tile, tr { break-inside: avoid; } h2 { break-after: avoid; }
  .charts { grid-template-columns: 1fr 1fr; } details > * { display: block; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;
