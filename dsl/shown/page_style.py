"""How pages look: on a screen, light or dark, on a phone, and on paper."""

from __future__ import annotations

from typing import Final

from dsl.shown.diagram import DIAGRAM_STYLE
from dsl.shown.timeline import TIMELINE_STYLE

_LIGHT: Final = """--ink:#1f2328;--quiet:#59636e;--page:#ffffff;--soft:#f6f8fa;--rule:#d1d9e0;
--well:#1a7f37;--bad:#cf222e;--wait:#9a6700"""
_DARK: Final = """--ink:#f0f6fc;--quiet:#9198a1;--page:#0d1117;--soft:#151b23;--rule:#30363d;
--well:#3fb950;--bad:#f85149;--wait:#d29922"""
PAGE_STYLE: Final = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);margin:0 auto;
padding:1.5rem 1rem 4rem;max-width:62rem}}
h1{{font-size:1.6rem;margin:0 0 .3rem;line-height:1.25}}
h2{{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-bottom:.2rem;
border-bottom:1px solid var(--rule)}}
h3{{font-size:1rem;margin:1.3rem 0 .3rem}}
.lead{{font-size:1.05rem;margin:.2rem 0 1rem}}
bdi,td,th,dd,pre{{unicode-bidi:isolate}}
.quiet{{color:var(--quiet)}}.well{{color:var(--well)}}.bad{{color:var(--bad)}}
.wait{{color:var(--wait)}}
.state{{display:inline-flex;align-items:center;gap:.4em;font-weight:600;font-size:.9em;
line-height:1.5;padding:.05em .65em;border-radius:1em;
background:color-mix(in srgb,currentcolor 12%,transparent)}}
.state::before{{content:"";width:.5em;height:.5em;border-radius:50%;background:currentcolor}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.6rem 0}}
dt{{color:var(--quiet)}}dd{{margin:0;overflow-wrap:anywhere}}
table{{border-collapse:collapse;width:100%;margin:.4rem 0;font-size:.92em}}
th,td{{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid var(--rule);overflow-wrap:anywhere}}
th{{color:var(--quiet);font-weight:500}}
code,pre{{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,monospace}}
code{{overflow-wrap:anywhere}}
pre{{background:var(--soft);border:1px solid var(--rule);border-radius:6px;padding:.5rem .7rem;
margin:.2rem 0 .8rem;white-space:pre-wrap;overflow-wrap:anywhere}}
.wide{{overflow-x:auto}}
.gate{{border:1px solid var(--rule);border-radius:6px;padding:.2rem .9rem .5rem;margin:.8rem 0}}
.gate h3{{margin-top:.6rem}}
footer{{margin-top:3rem;color:var(--quiet);font-size:.9em}}
{DIAGRAM_STYLE}{TIMELINE_STYLE}
@media (max-width:32rem){{dl{{grid-template-columns:1fr}}dt{{margin-top:.4rem}}
th,td{{padding-right:.5rem}}}}
@media screen and (max-width:48rem){{.wide>svg{{max-width:none}}}}
@page{{margin:16mm 14mm}}
@media print{{:root{{color-scheme:light;{_LIGHT}}}body{{padding:0;max-width:none;font-size:10pt}}
h2,h3{{break-after:avoid}}.gate,tr,dl{{break-inside:avoid}}pre{{break-inside:avoid-page}}
.wide{{overflow:visible}}a{{color:inherit;text-decoration:none}}
.state,.well,.bad{{print-color-adjust:exact}}}}
"""
