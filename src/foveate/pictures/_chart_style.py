"""The style sheet of charts that stand alone or within a page."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
.foveate-chart {
  --paper: #fff; --ink: #1b1d1f; --muted: #5c6269; --rule: #c9c9c2; --grid: #ecece7;
  --one: #5b50b5; --two: #c8660b; --three: #0f7f74; --four: #a8317a;
  --five: #4d6b1e; --six: #6b6f76; --closed: #1b1d1f; --open: #e0a000;
  --constant: #9aa0a7; --unseen: none;
  max-width: 100%; background: var(--paper);
  font: 400 12px/1 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
@media (prefers-color-scheme: dark) {
  .foveate-chart {
    --paper: #131517; --ink: #e8e9ea; --muted: #a3a9b0; --rule: #474d53;
    --grid: #25292d; --one: #a79ff2; --two: #f19a5b; --three: #55c2b4;
    --four: #ec87c3; --five: #a9c86f; --six: #a3a9b0; --closed: #f4f5f6;
    --open: #e3b23c; --constant: #737a82;
  }
}
.foveate-chart .paper { fill: var(--paper); }
.foveate-chart text { fill: var(--ink); font-variant-numeric: tabular-nums; }
.foveate-chart .title { font-size: 15px; font-weight: 600; }
.foveate-chart .name { font-size: 13px; }
.foveate-chart .aside, .foveate-chart .tick { fill: var(--muted); }
.foveate-chart .grid { stroke: var(--grid); }
.foveate-chart .axis { stroke: var(--rule); }
.foveate-chart .limit { stroke: var(--muted); stroke-dasharray: 2 3; }
.foveate-chart .line { fill: none; stroke: var(--mark); stroke-width: 1.5; }
.foveate-chart .hair { fill: none; stroke: var(--mark); stroke-width: .75; }
.foveate-chart .hair { opacity: .55; }
.foveate-chart .area { fill: var(--mark); opacity: .22; }
.foveate-chart .band { fill: var(--mark); opacity: .38; }
.foveate-chart .solid { fill: var(--mark); }
.foveate-chart .bar { fill: var(--mark); opacity: .55; }
.foveate-chart .thick { stroke: var(--mark); stroke-width: 5; opacity: .4; }
.foveate-chart .whole { stroke: var(--mark); stroke-width: 1.25; }
.foveate-chart .dot { fill: var(--mark); stroke: var(--paper); stroke-width: 1.25; }
.foveate-chart .cleared { paint-order: stroke; stroke: var(--paper); }
.foveate-chart .cleared { stroke-width: 4px; stroke-linejoin: round; }
.foveate-chart .scaled { vector-effect: non-scaling-stroke; }
.foveate-chart .tone-1 { --mark: var(--one); }
.foveate-chart .tone-2 { --mark: var(--two); }
.foveate-chart .tone-3 { --mark: var(--three); }
.foveate-chart .tone-4 { --mark: var(--four); }
.foveate-chart .tone-5 { --mark: var(--five); }
.foveate-chart .tone-6 { --mark: var(--six); }
.foveate-chart .closed { --mark: var(--closed); }
.foveate-chart .open { --mark: var(--open); }
.foveate-chart .constant { --mark: var(--constant); }
.foveate-chart .unseen { --mark: var(--paper); stroke: var(--muted); }
"""
