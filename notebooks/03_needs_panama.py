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
# # 3. Needs for Panama, 2023
#
# **Question.** More people than ever crossed Panama in 2023. How many needed help, how much water, food and shelter is
# that, what would that cost, and who was in charge?
#
# **What we do.** We run 2023, then turn people and the days they spend in Panama into needs with published planning
# standards (Sphere, UNHCR, R4V plans). Every line has a low, a middle and a high value.

# %%
import pandas as pd
from IPython.display import Markdown

from sim import load_scenario, run

year = {"window": {"start": "2023-01-01", "end": "2023-12-31"}, "spin_up_start": "2022-07-01"}
result = run(
    load_scenario({"name": "year_2023", "extends": "history/baseline", **year}),
    replicates=3,
    scale=0.02,
    seed=1,
)
needs = result.needs()
panama = needs.table[(needs.table["location_code"] == "PAN") & (needs.table["period"] == "year")]

# %% [markdown]
# Four measures are kept apart, because they answer different questions: crossings, unique people, person-days, and
# times assisted. Of unique people, AFF are affected, INN in need, TGT targeted by the plans, each a part of the one
# before.

# %%
everyone = (
    (panama["category"] == "all") & (panama["population_group"] == "all") & (panama["sector_code"] == "ALL")
)
everyone &= (panama["gender"] == "all") & (panama["age_range"] == "all") & (panama["admin1_code"] == "")
heads = panama[everyone & (panama["basis"] == "total") & (panama["resource"] == "")]
heads = heads[heads["unit"] != "USD"][["measure", "population_status", "low", "middle", "high", "unit"]]
heads.set_index(["measure", "population_status"]).map(lambda v: f"{v:,.0f}" if isinstance(v, float) else v)

# %% [markdown]
# Water can be checked by hand: 15 litres a person and day (Sphere), over the days people on the move spend in places of
# Panama. Days on the way, most of them in the jungle, are counted apart (`travel_days`): nobody can hand out water there.

# %%
there = result.stocks["status"].isin(["staying", "queued", "stranded"])
stays = result.stocks[(result.stocks["country"] == "PAN") & there]
days = stays.groupby("replicate")["person_days"].sum().mean()
things = panama[
    (panama["measure"] == "resource") & (panama["category"] == "all") & (panama["basis"] == "total")
]
water = things.set_index("resource").loc["water"]
Markdown(
    f"**By hand: {days:,.0f} person-days x 15 l = {15 * days / 1e6:,.0f} million litres. In the table: "
    f"{water['middle'] / 1e6:,.0f} million litres** (from {water['low'] / 1e6:,.0f} at the survival minimum to "
    f"{water['high'] / 1e6:,.0f} where more is at hand)."
)

# %% [markdown]
# By sector, in the last month of the run; lines are 80 % intervals of people and low to high of money:

# %%
figure, sectors = result.plot.needs_by_sector("PAN")
figure

# %% [markdown]
# Who leads? The review of the coordination mechanisms found two structures for the same people in Panama. The matrix
# shows it from a table of who covers whom, not from a rule written for Panama.

# %%
matrix = needs.coordination[needs.coordination["location_code"] == "PAN"]
pd.crosstab(matrix["population"], matrix["coverage_flag"]).rename_axis(columns="sectors by finding")

# %%
usd = panama[
    (panama["measure"].isin(["requirement", "gap"]))
    & (panama["sector_code"] == "ALL")
    & (panama["category"] == "all")
]
asked = usd[usd["measure"] == "requirement"].iloc[0]
gap = usd[(usd["measure"] == "gap") & (usd["funding"] == "as_2023")].iloc[0]
Markdown(
    f"**Required in 2023: {asked['middle'] / 1e6:,.0f} million USD** ({asked['low'] / 1e6:,.0f} to {asked['high'] / 1e6:,.0f}); "
    f"**gap if funded as in 2023 (22 %): {gap['middle'] / 1e6:,.0f} million USD** ({gap['low'] / 1e6:,.0f} to "
    f"{gap['high'] / 1e6:,.0f}), an upper bound, because spending outside the plans is not tracked."
)

# %% [markdown]
# **What it cannot say.** The wide range is that of the standards and of shares in need, many of them planning assumptions
# and labelled so; a country office should put its own (`travesia needs RUN --standards FILE`). Sectors overlap: never add
# them up. Cells under 15 people are withheld, the rest rounded; violence, trafficking and unaccompanied children appear
# for the region only.
