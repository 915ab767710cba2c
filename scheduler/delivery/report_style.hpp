// The look of report.html.
#pragma once
#include <string_view>

namespace dubfarm::scheduler {

inline constexpr std::string_view kReportStyle = R"css(
:root { color-scheme: light dark;
  --page: #f6f6f4; --card: #ffffff; --ink: #1c1d1f; --soft: #5d6167; --line: #dfe0dd; --grid: #ecece9;
  --pass: #17734a; --pass-bg: #e2f2e9; --warn: #8a5a00; --warn-bg: #fbefd3; --fail: #b3261e; --fail-bg: #fbe3e1;
  --curve: #1f5fa8; --thin: #9dbde0; --wave: #b9bec4; --band: #17734a; }
@media (prefers-color-scheme: dark) { :root {
  --page: #141517; --card: #1c1e21; --ink: #e9e9e6; --soft: #a2a6ac; --line: #33363a; --grid: #282b2f;
  --pass: #6fcf9f; --pass-bg: #17332a; --warn: #f0bf62; --warn-bg: #3a2f17; --fail: #ff9d94; --fail-bg: #45201d;
  --curve: #7db4f2; --thin: #40618a; --wave: #565b62; --band: #6fcf9f; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header.top, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
header.top { padding-top: 40px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 44px 0 14px; }
h3 { font-size: 18px; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h3 small { font-weight: 400; color: var(--soft); font-size: 15px; }
a { color: inherit; text-underline-offset: 3px; }
p { margin: 0 0 10px; }
.soft { color: var(--soft); }
.meta { color: var(--soft); font-size: 15px; display: flex; flex-wrap: wrap; gap: 2px 22px; }
.verdict { margin: 24px 0 0; padding: 16px 20px; border-radius: 12px; font-size: 19px; font-weight: 600; }
.pass { color: var(--pass); } .warning { color: var(--warn); } .fail { color: var(--fail); }
.verdict.pass, .badge.pass, td.pass a, td.pass .cell { background: var(--pass-bg); }
.verdict.warning, .badge.warning, td.warning a { background: var(--warn-bg); }
.verdict.fail, .badge.fail, td.fail a { background: var(--fail-bg); }
.badge { display: inline-block; padding: 3px 12px; border-radius: 99px; font-size: 14px; font-weight: 600; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
.matrix { width: auto; min-width: min(100%, 480px); border-spacing: 6px; border-collapse: separate; margin-left: -6px; }
.matrix th { font-weight: 600; font-size: 14px; text-align: left; color: var(--soft); padding: 4px 8px 4px 2px; white-space: nowrap; }
.matrix tbody th { color: var(--ink); position: sticky; left: 0; background: var(--page); }
.matrix td { padding: 0; min-width: 124px; }
.matrix td a { display: block; border-radius: 8px; padding: 8px 12px; text-decoration: none; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix td a:hover, .matrix td a:focus { outline: 2px solid currentColor; }
.matrix td small { display: block; font-weight: 400; color: var(--ink); opacity: .8; font-size: 13px; }
.matrix td.none { text-align: center; color: var(--soft); }
.said { list-style: none; margin: 0; padding: 0; }
.said li { padding: 9px 0 9px 28px; position: relative; border-top: 1px solid var(--line); }
.said li:first-child { border-top: 0; }
.said li > b { position: absolute; left: 2px; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 22px 24px 18px; margin: 0 0 20px; scroll-margin-top: 12px;
  content-visibility: auto; contain-intrinsic-size: auto 760px; }
article > header { display: flex; justify-content: space-between; align-items: flex-start; gap: 16px; margin-bottom: 14px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 10px 18px; margin: 0 0 18px; }
.figures div { border-left: 3px solid var(--line); padding-left: 11px; }
.figures dt { color: var(--soft); font-size: 13px; } .figures dd { margin: 0; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures dd small { font-size: 13px; font-weight: 400; color: var(--soft); }
.plot { position: relative; height: 210px; border-bottom: 1px solid var(--line); overflow: hidden; margin-top: 22px; }
.plot.wave { height: 58px; margin-top: 0; border: 0; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.plot path, .plot line { fill: none; vector-effect: non-scaling-stroke; }
.grid { stroke: var(--grid); stroke-width: 1; } .m { stroke: var(--thin); stroke-width: 1; } .s { stroke: var(--curve); stroke-width: 1.8; }
.i { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 5 4; } .band { fill: var(--band); opacity: .16; } .plot .w { fill: var(--wave); stroke: var(--wave); stroke-width: .6; }
.plot span { position: absolute; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }
.plot span.y { left: 0; transform: translateY(-50%); background: var(--card); padding-right: 5px; line-height: 1; }
.marks { position: relative; height: 0; } .marks i { position: absolute; top: 3px; width: 0; height: 0; margin-left: -5px; border: 5px solid transparent; border-top: 8px solid var(--soft); }
.marks i.fail { border-top-color: var(--fail); }
.times { display: flex; justify-content: space-between; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; margin: 2px 0 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 20px; font-size: 13px; color: var(--soft); margin: 0 0 18px; }
.legend b { display: inline-block; width: 22px; height: 0; border-top: 2px solid; vertical-align: 4px; margin-right: 7px; }
.checks { font-size: 15px; }
.checks th { text-align: left; font-size: 13px; color: var(--soft); font-weight: 600; padding: 4px 12px 6px 0; border-bottom: 1px solid var(--line); }
.checks td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
.checks tr:last-child td { border-bottom: 0; }
.checks td.n { font-variant-numeric: tabular-nums; }
.checks .r { font-weight: 600; white-space: nowrap; }
.checks p { margin: 2px 0 0; color: var(--soft); font-size: 14px; }
details { margin-top: 12px; font-size: 14px; } details .said { font-size: 15px; } summary { cursor: pointer; color: var(--soft); }
.files { margin: 8px 0 0; padding: 0; list-style: none; } .files li { padding: 5px 0; overflow-wrap: anywhere; } code { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: var(--soft); }
footer { padding-top: 20px; padding-bottom: 48px; font-size: 14px; color: var(--soft); }
@media (max-width: 640px) {
  main, header.top, footer { padding-left: 16px; padding-right: 16px; } header.top { padding-top: 24px; } h1 { font-size: 25px; }
  article { padding: 16px 16px 12px; border-radius: 12px; } .plot { height: 160px; } .figures { grid-template-columns: repeat(3, 1fr); gap: 12px 8px; } .figures dd { font-size: 16px; } .figures dd small { display: block; line-height: 1.1; }
  .checks thead { display: none; } .checks, .checks tbody, .checks tr, .checks td { display: block; border: 0; padding: 0; }
  .checks tr { padding: 10px 0; border-top: 1px solid var(--grid); } .checks td.n::before { content: attr(data-is) ": "; color: var(--soft); }
  .matrix { min-width: 0; border-spacing: 4px; margin-left: -4px; } .matrix td { min-width: 96px; } .matrix td a { padding: 7px 9px; } .times span:nth-child(even) { display: none; }
}
@media print { :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --grid: #ddd; --pass: #0b5c38; --pass-bg: #e2f2e9; --warn: #6d4700;
    --warn-bg: #fbefd3; --fail: #8f1a14; --fail-bg: #fbe3e1; --curve: #174a85; --thin: #86a9d2; --wave: #b9bec4; --band: #17734a; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } body { font-size: 12px; } main, header.top, footer { max-width: none; padding: 0; }
  article { break-inside: avoid; content-visibility: visible; } .matrix tbody th { position: static; } details > * { display: block; } .scroll { overflow: visible; } }
)css";

}  // namespace dubfarm::scheduler
