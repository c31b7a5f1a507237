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
# # 1. A first run
#
# **Question.** How many people crossed the Darién each month between 2021 and mid-2024, and does a simulation in which
# every person makes their own journey come near what Panama counted?
#
# **What we do.** We run `history/baseline`: the route as it was, with the rules that were in force. To be quick we
# simulate one person in fifty (`scale=0.02`); tables are always reported at full size. Three replicates are three draws
# of chance.

# %%
from IPython.display import Markdown

from sim import load_scenario, run

result = run(load_scenario("history/baseline"), replicates=3, scale=0.02, seed=1)
facts = result.manifest
print(f"{facts['people']:,} people simulated, {facts['events']:,} events, {result.replicates} replicates")

# %% [markdown]
# A run is a folder of tidy tables. `result.flows`, `.stocks`, `.outcomes` and `.departures` are pandas frames, and every
# figure comes with the table it shows.

# %%
figure, table = result.plot.crossings("darien")
figure

# %% [markdown]
# The line is the median of the replicates, the dots are the monthly counts of Panama's migration service. One year as a
# number:

# %%
crossings = result.crossings[
    (result.crossings["border"] == "darien") & (result.crossings["nationality"] == "ALL")
]
year = crossings[crossings["month"].str.startswith("2023")].groupby("replicate")["persons"].sum()
summary = result.summary[(result.summary["border"] == "darien") & (result.summary["nationality"] == "ALL")]
counted = summary[summary["month"].str.startswith("2023")]["observed"].sum()
Markdown(
    f"**Darién, 2023: {year.median():,.0f} persons simulated** (three draws between {year.min():,.0f} and {year.max():,.0f}); "
    f"{counted:,.0f} counted, a difference of {100 * (year.median() / counted - 1):+.1f} %."
)

# %% [markdown]
# And where did those who left end up? Shares of all who departed since July 2020, all nationalities and all ways:

# %%
ends = result.outcomes.groupby(["replicate", "outcome"], observed=True)["persons"].sum().unstack("replicate")
shares = 100 * ends / ends.sum()
shares = shares.agg(["median", "min", "max"], axis=1).round(1).sort_values("median", ascending=False)
shares.rename(columns={"median": "% (median)", "min": "lowest draw", "max": "highest draw"})

# %% [markdown]
# **What it cannot say.** The departures behind this run were set so that the Darién is met: agreement there is no
# evidence. Honduras, Costa Rica and Mexico were left free to judge the model (`result.plot.crossings()` shows them, also
# where they are missed). Three draws show what chance does to people's journeys, not what we do not know about
# parameters; that is larger. And a run is a scenario: it knows the rules that came, which nobody did at the time.
