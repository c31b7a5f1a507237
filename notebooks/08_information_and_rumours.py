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
# # 8. Information and rumours
#
# **Question.** People on the way listen to those ahead. How much of what we see on the route comes from that, and where
# would we be wrong if we left it out?
#
# **What we do.** In the model each nationality holds a perceived risk and chance of success for every leg. They are
# updated from what happened to compatriots, with a lag of two weeks, and mixed with a prior (`information_weight`, one
# half). We run spring 2023, when Title 42 ended, three times with the same luck: as it is, with nobody listening, and
# with rumours that travel at once.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from sim import compare, load_scenario

window = {"window": {"start": "2023-01-01", "end": "2023-09-30"}, "spin_up_start": "2022-07-01"}


def listening(name, **changes):
    """The baseline with other habits of listening."""
    return load_scenario({"name": name, "extends": "history/baseline", "parameters": changes, **window})


told = compare(
    listening("as_it_is"),
    listening("nobody_listens", information_weight=0.0),
    listening("at_once", information_weight=1.0, information_lag_days=3, information_update_days=1),
    replicates=4,
    scale=0.02,
    seed=1,
    persons=False,
)

# %%
rows = told.differences[told.differences["nationality"] == "ALL"]
borders = {"darien": "Darién", "honduras": "Honduras", "us_border_patrol": "US, between ports"}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.5), layout="constrained")
for panel, (border, title) in zip(axes, borders.items(), strict=True):
    for name, colour, line in (("nobody_listens", "#0072B2", "-"), ("at_once", "#D55E00", "--")):
        part = rows[(rows["border"] == border) & (rows["other"] == name) & (rows["period"].str.len() == 7)]
        panel.plot(
            part["period"].str[2:], part["median"], color=colour, linestyle=line, label=name.replace("_", " ")
        )
        band = f"{name.replace('_', ' ')}, 90 % interval"
        panel.fill_between(
            part["period"].str[2:], part["lo90"], part["hi90"], color=colour, alpha=0.2, label=band
        )
    panel.axhline(0, color="black", linewidth=0.8)
    panel.set_title(title, loc="left")
    panel.set_ylabel("difference from as it is,\npersons per month")
    panel.tick_params(axis="x", rotation=90)
legend = figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8
)

# %% [markdown]
# The band is the 90 % interval over four pairs. One would expect listening to change which way people take. Shares by way,
# for Venezuelans entering Honduras and Mexico:


# %%
def shares(result, country):
    """Share of the entries of Venezuelans into a country by leg, in per cent."""
    flows = result.flows[(result.flows["to_country"] == country) & (result.flows["from_country"] != country)]
    flows = flows[(flows["nationality"] == "VEN") & (flows["direction"] == "northward")]
    by_leg = flows.groupby(["replicate", "leg"], observed=True)["persons"].sum().unstack("leg").fillna(0)
    return (100 * by_leg.div(by_leg.sum(axis=1), axis=0)).median()


runs = {"as it is": told.base, "nobody listens": told.others[0], "at once": told.others[1]}
table = pd.concat([pd.DataFrame({name: shares(r, c) for name, r in runs.items()}) for c in ("HND", "MEX")])
table[table.max(axis=1) > 3].round(1).rename_axis("leg (% of entries into the country)")

# %%
most = (table.sub(table["as it is"], axis=0)).abs().max().max()
year = rows[(rows["border"] == "us_border_patrol") & (rows["period"] == "ALL")].set_index("other")
nobody, at_once = (
    f"{year.loc[name, 'median']:+,.0f} (90 % interval {year.loc[name, 'lo90']:+,.0f} to {year.loc[name, 'hi90']:+,.0f})"
    for name in ("nobody_listens", "at_once")
)
Markdown(
    f"**No way gains or loses more than {most:.1f} percentage points of the entries.** What moves is when people go on to the "
    f"border: over the nine months, encounters between US ports change by {nobody} if nobody listens and by {at_once} if news "
    f"travels at once, beside {year['base_median'].iloc[0]:,.0f} as it is."
)

# %% [markdown]
# **What it cannot say.** No survey measures how fast news travels on this route: weight, lag and memory are assumptions
# with ranges (`information_*` in the table of parameters), and the counts hardly narrow them. Read the difference as how
# much a result may hang on them, not as an estimate of rumour. The idea that routes are made by information, and its
# measures, are those of Hinsch and Bijak's work on routes and rumours.
