"""How the console looks: what every page of ours shares, the bar, cards, forms, a phone's width."""

from __future__ import annotations

from typing import Final

from dsl.shown.page_style import PAGE_STYLE

CONSOLE_STYLE: Final = f"""{PAGE_STYLE}
:root{{--link:#0860ca;--on-link:#ffffff;--ground:#f4f6f8;--lift:0 1px 2px rgb(31 35 40/.06)}}
@media (prefers-color-scheme:dark){{:root{{--link:#58a6ff;--on-link:#0d1117;--page:#151b23;
--soft:#0d1117;--ground:#0d1117;--lift:none}}}}
body{{max-width:none;padding:0;background:var(--ground)}}
a{{color:var(--link);text-underline-offset:.2em;text-decoration-thickness:1px}}
:focus-visible{{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}}
main,.bar>div{{max-width:74rem;margin:0 auto;padding:0 1.25rem}}
main{{outline:none;padding-bottom:5rem}}
.skip{{position:absolute;left:-999rem}}.skip:focus{{left:1rem;top:.5rem;background:var(--page);
padding:.4rem .8rem;z-index:2}}
.bar{{background:var(--page);border-bottom:1px solid var(--rule);margin-bottom:1.75rem}}
.bar>div{{display:flex;align-items:center;gap:0 1.6rem;min-height:3.4rem}}
.bar nav{{display:flex;gap:.25rem;flex:1;align-self:stretch}}
.bar a{{text-decoration:none}}
.bar nav a{{display:flex;align-items:center;padding:0 .65rem;color:var(--quiet);font-weight:500;
border-bottom:2px solid transparent;margin-bottom:-1px}}
.bar nav a:hover{{color:var(--ink)}}
.bar nav a[aria-current]{{color:var(--ink);border-bottom-color:var(--link)}}
.brand{{display:flex;align-items:center;gap:.5rem;font-weight:700;color:var(--ink);
font-size:1.05rem}}
.brand svg{{width:1.35rem;height:1.35rem;fill:var(--link)}}
.brand .tick{{fill:none;stroke:var(--on-link);stroke-width:2;stroke-linecap:round;
stroke-linejoin:round}}
.who form{{margin:0;display:flex;gap:.8rem;align-items:center}}
h1{{font-size:1.7rem;letter-spacing:-.015em}}
h2{{border:0;padding:0;font-size:1.1rem;margin:2.2rem 0 .7rem}}
h1,h2,h3,p,li,td,dt,dd{{overflow-wrap:anywhere;min-width:0}}
.lead{{color:var(--quiet);margin:.2rem 0 1.2rem}}.lead.well,.lead.bad,.lead.wait{{color:inherit}}
.crumb{{margin:0 0 .3rem;color:var(--quiet)}}.crumb .out{{margin-left:.7rem}}
.top{{display:flex;flex-wrap:wrap;gap:.6rem 1.2rem;align-items:center;justify-content:space-between;
margin-bottom:1.1rem}}.top .lead{{margin:0}}
.ask{{font-size:1.15rem;margin:.3rem 0 0}}
.card,.act,.gate,.none{{background:var(--page);border:1px solid var(--rule);border-radius:10px;
padding:1rem 1.2rem;margin:0 0 1rem;box-shadow:var(--lift)}}
.card.wide{{padding:1.2rem}}.card.wide>svg{{display:block;margin:0 auto}}
.card.list{{padding:.2rem 1.2rem}}
.card>:first-child,.act>:first-child,.gate>:first-child{{margin-top:0}}
.card>:last-child,.act>:last-child,.gate>:last-child{{margin-bottom:0}}
.none{{color:var(--quiet);text-align:center;padding:2.4rem 1rem}}
.gate h2,.gate h3{{margin:0 0 .2rem;font-size:1.05rem}}
.split{{display:grid;grid-template-columns:minmax(0,1fr) 22rem;gap:0 1.75rem;align-items:start}}
.split h2:first-child,.split section:first-child h2{{margin-top:0}}
.decide{{position:sticky;top:1.25rem}}.decide h2{{margin:0 0 .8rem}}
.decide button{{flex:1}}
.jump{{display:none;color:var(--on-link);background:var(--link);border-radius:7px;font-weight:600;
padding:.5rem 1.15rem;text-decoration:none}}
.row{{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}}
label{{display:block;font-weight:600;margin-bottom:.3rem}}.check{{font-weight:400}}
input,select,textarea{{font:inherit;color:inherit;background:var(--page);
border:1px solid var(--quiet);border-radius:7px;padding:.5rem .65rem;width:100%;max-width:34rem}}
input[type=checkbox]{{width:auto;margin-right:.4rem}}
button,.button{{font:inherit;font-weight:600;color:var(--on-link);background:var(--link);
border:1px solid transparent;border-radius:7px;padding:.5rem 1.15rem;cursor:pointer;
text-decoration:none;display:inline-block;text-align:center;min-height:2.6rem}}
button:hover,.button:hover{{filter:brightness(1.08)}}
button.reject{{background:none;color:var(--bad);border-color:var(--bad)}}
button.plain{{background:none;border:0;color:var(--link);padding:.2rem 0;min-height:0;
font-weight:500}}
.narrow{{max-width:25rem;margin:3rem auto}}.narrow button{{width:100%}}
.waits{{list-style:none;padding:0;margin:0 0 1rem}}
.waits li{{display:flex;flex-wrap:wrap;gap:.5rem 1.2rem;align-items:center;
justify-content:space-between;background:var(--page);border:1px solid var(--rule);
border-left:4px solid var(--wait);border-radius:10px;padding:.8rem 1.1rem;margin:0 0 .6rem;
box-shadow:var(--lift)}}
.waits p{{margin:.1rem 0 0;color:var(--quiet)}}
.waits .what{{flex:1 1 16rem;min-width:0}}
.choices{{list-style:none;padding:0;display:grid;gap:.7rem;
grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}}
.choices a{{display:block;background:var(--page);border:1px solid var(--rule);border-radius:10px;
padding:.9rem 1.1rem;font-weight:600;text-decoration:none;box-shadow:var(--lift)}}
.choices a:hover{{border-color:var(--link)}}
ins{{color:var(--well);text-decoration:none}}ins::before{{content:"+ "}}
del{{color:var(--bad)}}del::before{{content:"- "}}
.diff{{list-style:none;padding:0}}
.out{{white-space:nowrap;font-size:.9em}}
.digest{{color:var(--quiet);font-size:11.5px}}
td .digest{{display:inline-block;max-width:11rem;overflow:hidden;text-overflow:ellipsis;
white-space:nowrap;vertical-align:bottom}}
td .digest:focus,td .digest:hover{{max-width:none;white-space:normal;overflow-wrap:anywhere}}
td .sub{{display:block;color:var(--quiet);font-size:.92em}}
tr:last-child>td{{border-bottom:0}}th,td{{padding:.55rem 1rem .55rem 0}}
pre{{max-height:30rem;overflow:auto;background:var(--soft)}}
details{{margin:.6rem 0}}summary{{cursor:pointer;color:var(--link);padding:.2rem 0}}
time{{white-space:nowrap}}
@media (max-width:56rem){{.split{{grid-template-columns:minmax(0,1fr)}}.decide{{position:static}}
.jump{{display:inline-block;margin-top:.9rem}}}}
@media (max-width:48rem){{main,.bar>div{{padding-left:1rem;padding-right:1rem}}
.bar{{margin-bottom:1.2rem}}.bar>div{{flex-wrap:wrap;padding-top:.6rem}}.brand{{flex:1}}
.bar nav{{order:3;flex:1 0 100%;margin-top:.5rem;gap:0;justify-content:space-between}}
.bar nav a{{padding:.4rem .1rem}}
table,tbody,tr,td{{display:block;width:auto}}thead{{display:none}}
tr{{border-bottom:1px solid var(--rule);padding:.7rem 0}}tr:last-child{{border-bottom:0}}
td{{border:0;padding:.1rem 0;text-align:left}}td:empty{{display:none}}
td .digest{{max-width:100%;white-space:normal;overflow-wrap:anywhere}}
td[data-of]::before{{content:attr(data-of) " ";color:var(--quiet)}}
.diagram{{max-width:none}}dl{{grid-template-columns:minmax(0,1fr)}}dt{{margin-top:.5rem}}}}
"""
