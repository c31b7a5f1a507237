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
# # 6. Your own route graph
#
# **Question.** If we knew nothing but who leaves the Darién each month, two borders and the days between them, would we
# find the entries that Costa Rica counts at its southern border?
#
# **What we do.** A route is a graph of places and legs, and fits on one screen. We build one of four places for Panama in
# 2023, let the registered people leave the jungle, and compare with the count on the other side. Stays and travel times
# are those of the shipped tables; each is one line you can change.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from calibration.observed.load import load_observed
from sim import load_scenario, run

shipped = load_scenario("history/baseline").world
stay = {
    name: next(p.stay for p in shipped.places if p.id == name) for name in ("lajas-blancas", "los-planes")
}
for name, found in stay.items():
    print(name, found)

# %%
darien = load_observed("darien")
darien = darien[(darien["nationality"] == "ALL") & darien["month"].between("2023-01", "2023-12")]
departures = [
    {
        "place": "bajo-chiquito",
        "group": "OTH",
        "per_day": float(row.persons) / pd.Period(row.month).days_in_month,
        "start": f"{row.month}-01",
        "end": str(pd.Period(row.month).end_time.date()),
    }
    for row in darien.itertuples()
]
night = {"kind": "fixed", "days": 1}
panama = {
    "name": "panama_2023",
    "window": {"start": "2023-01-01", "end": "2023-12-31"},
    "world": {
        "places": [
            {"id": "bajo-chiquito", "country": "PAN", "role": "origin", "stay": night},
            {
                "id": "lajas-blancas",
                "country": "PAN",
                "role": "reception",
                "stay": stay["lajas-blancas"].model_dump(),
            },
            {
                "id": "los-planes",
                "country": "PAN",
                "role": "reception",
                "stay": stay["los-planes"].model_dump(),
            },
            {"id": "paso-canoas", "country": "CRI", "role": "destination"},
        ],
        "legs": [
            {"id": "river", "from": "bajo-chiquito", "to": "lajas-blancas", "mode": "boat", "days": night},
            {
                "id": "direct",
                "from": "lajas-blancas",
                "to": "paso-canoas",
                "mode": "bus",
                "days": night,
                "weight": 3,
            },
            {
                "id": "stage",
                "from": "lajas-blancas",
                "to": "los-planes",
                "mode": "bus",
                "days": night,
                "weight": 1,
            },
            {"id": "last", "from": "los-planes", "to": "paso-canoas", "mode": "bus", "days": night},
        ],
    },
    "departures": departures,
}
scenario = load_scenario(
    panama
)  # refused, with every fault named, if a place cannot be reached or a date is swapped
result = run(scenario, replicates=5, scale=0.1, seed=1)

# %%
into = result.flows[result.flows["to_place"] == "paso-canoas"]
monthly = into.groupby(["replicate", "period_start"], observed=True)["persons"].sum().unstack("replicate")
monthly.index = monthly.index.strftime("%Y-%m")
counted = load_observed("costa_rica")
counted = counted[counted["nationality"] == "ALL"].set_index("month")["persons"].reindex(monthly.index)
figure, panel = plt.subplots(figsize=(8, 3.2), layout="constrained")
panel.plot(
    monthly.index,
    monthly.median(axis=1),
    color="#0072B2",
    label="entries of the small graph, median of 5 replicates",
)
panel.fill_between(
    monthly.index, monthly.min(axis=1), monthly.max(axis=1), color="#8FC1E3", label="all replicates"
)
panel.plot(counted.index, counted, "o", color="black", fillstyle="none", label="counted in Costa Rica")
panel.set_ylabel("persons per month")
panel.set_ylim(bottom=0)
panel.tick_params(axis="x", rotation=45)
panel.set_title("Paso Canoas, northward, 2023", loc="left")
legend = panel.legend(frameon=False, fontsize=8)
# %%
both = counted.dropna()
here = monthly.loc[both.index].sum()
Markdown(
    f"**In the {len(both)} months with a count, the small graph sends {here.median():,.0f} persons into Costa Rica** (replicates "
    f"{here.min():,.0f} to {here.max():,.0f}); {both.sum():,.0f} were counted, {100 * (both.sum() / here.median() - 1):+.0f} % "
    "against the graph. Registers of two neighbours for the same flow differ by more than chance does."
)

# %% [markdown]
# The same graph without any chance: the expected engine computes exact expectations, because nobody here waits in line,
# runs out of money or listens to rumours.

# %%
exact = run(scenario, engine="expected")
expected = (
    exact.flows[exact.flows["to_place"] == "paso-canoas"]
    .groupby("period_start", observed=True)["persons"]
    .sum()
)
apart = (monthly.mean(axis=1).to_numpy() / expected.to_numpy() - 1)[1:]
Markdown(
    f"**Agents and exact expectations differ by at most {100 * abs(apart).max():.1f} % in any month from February** "
    f"({exact.manifest['engine']} engine, exact: {exact.manifest['exact']})."
)

# %% [markdown]
# **What it cannot say.** Four places leave out who stays, who turns back and who is never registered, and the border
# shares the work with smaller crossings. A small graph is for understanding one thing at a time; larger ones come from
# tables (`travesia import tables`), and every field is described in the reference of the scenario file.
