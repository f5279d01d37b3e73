"""How the console looks: what every page of ours shares, the bar, forms, and a phone's width."""

from __future__ import annotations

from typing import Final

from dsl.shown.page_style import PAGE_STYLE

CONSOLE_STYLE: Final = f"""{PAGE_STYLE}
body{{max-width:72rem;padding-top:0}}
a{{color:var(--link)}}
:root{{--link:#0969da;--on-link:#ffffff}}
@media (prefers-color-scheme:dark){{:root{{--link:#4493f8;--on-link:#0d1117}}}}
:focus-visible{{outline:3px solid var(--link);outline-offset:2px}}
main{{outline:none}}
.skip{{position:absolute;left:-999rem}}.skip:focus{{left:1rem;top:.5rem;background:var(--page);
padding:.4rem .8rem;z-index:1}}
.bar{{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:center;padding:.7rem 0;
margin-bottom:1.2rem;border-bottom:1px solid var(--rule)}}
.bar nav{{display:flex;flex-wrap:wrap;gap:.1rem .9rem;flex:1}}
.bar a{{text-decoration:none;padding:.2rem 0}}
.bar a[aria-current]{{color:var(--ink);border-bottom:2px solid var(--link)}}
.brand{{font-weight:700;color:var(--ink)}}
.who form{{margin:0;display:inline}}
h1,h2,h3,p,li,td,dt,dd{{overflow-wrap:anywhere;min-width:0}}
.act{{background:var(--soft);border:1px solid var(--rule);border-radius:6px;padding:.6rem .9rem;
margin:1rem 0}}
label{{display:block;font-weight:600;margin-bottom:.2rem}}.check{{font-weight:400}}
input,select,textarea{{font:inherit;color:inherit;background:var(--page);
border:1px solid var(--quiet);border-radius:5px;padding:.4rem .5rem;width:100%;max-width:36rem}}
input[type=checkbox]{{width:auto}}
button,.button{{font:inherit;font-weight:600;color:var(--on-link);background:var(--link);
border:1px solid transparent;border-radius:6px;padding:.45rem 1.1rem;cursor:pointer;
text-decoration:none;display:inline-block;min-height:2.4rem}}
button.reject{{background:var(--page);color:var(--bad);border-color:var(--bad)}}
button.plain{{background:none;color:var(--link);padding:.2rem 0;min-height:0}}
.waits{{list-style:none;padding:0}}
.waits li{{border-left:4px solid var(--wait);padding:.3rem .8rem;
background:var(--soft);margin:.3rem 0}}
.gate h2,.gate h3{{border:0;margin:.5rem 0 .2rem;font-size:1.05rem}}
ins{{color:var(--well);text-decoration:none}}ins::before{{content:"+ "}}
del{{color:var(--bad)}}del::before{{content:"- "}}
.diff{{list-style:none;padding:0}}
.out{{white-space:nowrap;font-size:.9em}}
pre{{max-height:30rem;overflow:auto}}
@media (max-width:48rem){{table,tbody,tr,td{{display:block;width:auto}}thead{{display:none}}
tr{{border-bottom:1px solid var(--rule);padding:.4rem 0}}td{{border:0;padding:.05rem 0}}
.diagram{{max-width:none}}.bar{{gap:.2rem .8rem}}}}
"""
