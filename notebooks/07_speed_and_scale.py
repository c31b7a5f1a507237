# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 7. Speed, and choosing scale and replicates
#
# **Question.** How small may a run be before its numbers wobble more than your decision allows, and is it better to
# simulate more people or to run more replicates?
#
# **What we do.** We run the same half-year at three scales, with four replicates each, and look at how far the replicates
# lie apart for a large flow and for a small one. Chance in a count of *n* simulated people is about 1/√n of it.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from sim import load_scenario, run
from sim.report.style import COLOURS

window = {"window": {"start": "2023-01-01", "end": "2023-06-30"}, "spin_up_start": "2022-10-01"}
scenario = load_scenario({"name": "half_year", "extends": "history/baseline", **window})
rows = []
for scale in (0.005, 0.02, 0.08):
    result = run(scenario, replicates=4, scale=scale, seed=1, workers=1)
    timing = result.manifest["timing"]
    seconds = (timing["engine_s"] + timing["tables_s"]) / result.replicates
    counts = result.crossings[result.crossings["border"] == "darien"]
    for group in ("ALL", "VEN", "CHN", "PER"):
        by_month = counts[counts["nationality"] == group].pivot_table(
            index="month", columns="replicate", values="persons"
        )
        mean = by_month.mean(axis=1)
        rows.append(
            (scale, group, (mean * scale).mean(), 100 * (by_month.std(axis=1) / mean).mean(), seconds)
        )
table = pd.DataFrame(
    rows, columns=["scale", "group", "simulated persons a month", "spread %", "seconds a replicate"]
)

# %%
figure, panel = plt.subplots(figsize=(7, 3.6), layout="constrained")
for (group, part), colour, marker in zip(table.groupby("group", sort=False), COLOURS, "os^D", strict=False):
    panel.loglog(
        part["simulated persons a month"],
        part["spread %"],
        color=colour,
        marker=marker,
        label=f"Darién, {group}",
    )
n = table["simulated persons a month"].sort_values()
panel.loglog(n, 100 / n**0.5, "k--", label="100 / √n: people who travel alone")
panel.set_xlabel("simulated persons counted in a month (n)")
panel.set_ylabel("spread of one replicate, % of its mean")
for axis in (panel.xaxis, panel.yaxis):
    axis.set_major_formatter("{x:,.0f}")
panel.set_yticks((2, 5, 10, 20, 50))
panel.yaxis.set_minor_formatter("")
legend = panel.legend(frameon=False, fontsize=8)
# %% [markdown]
# Families move together: four people who take the same boat are one draw of chance, not four. That lifts Venezuelans above
# the dashed line. The spread of so few replicates is itself known roughly only: do not read more into single points.

# %%
cost = table.groupby("scale")["seconds a replicate"].first()
wide = table.pivot_table(index="scale", columns="group", values="spread %").round(1)
wide["seconds a replicate"] = cost.round(1)
wide

# %%
all_small, per_small = (
    table[(table["scale"] == 0.02) & (table["group"] == g)].iloc[0] for g in ("ALL", "PER")
)
Markdown(
    f"**At scale 0.02 a single monthly figure of the whole Darién is off by about {all_small['spread %']:.1f} % through chance, "
    f"one of Peruvians ({per_small['simulated persons a month']:.0f} simulated people) by about {per_small['spread %']:.0f} %.** "
    f"Sixteen times the people take {cost.loc[0.08] / cost.loc[0.005]:.1f} times the time here: tables and policies have "
    "a price of their own, so that a very small scale saves little."
)

# %% [markdown]
# **A rule of thumb.** Find the smallest figure your decision rests on, and choose the scale so that at least 400
# simulated people are in it (5 %). Then take five replicates to see an interval, twenty to quote its ends. For
# differences between scenarios use `compare`: the same luck does more than many replicates (lesson 2). Whole corridor,
# everyone: `scale=1`.
#
# **What it cannot say.** All this is chance. No number of replicates narrows what is not known about parameters or rules.
# The seconds are those of the machine that made this page, which did other work at the time; ratios travel better than
# seconds.
