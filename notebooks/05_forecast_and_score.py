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
# # 5. Forecasting and scoring
#
# **Question.** It is the end of September 2022. What can be said about the Darién in the next three months, and was it
# any good?
#
# **What we do.** We forecast from the months up to the origin alone, in 23 quantiles as the forecast hubs do, and score
# against what happened. The yardstick is not zero error but a rule anybody could have used: say last month's figure
# again.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from calibration.forecast import make_forecast
from calibration.hindcast import ARCHIVE
from calibration.observed.load import load_observed

forecast = make_forecast("2022-09", 3).frame()
darien = forecast[(forecast["target"] == "darien") & (forecast["nationality"] == "ALL")]
ahead = darien.pivot_table(index="period", columns="quantile", values="value")
counts = load_observed("darien")
counts = counts[counts["nationality"] == "ALL"].set_index("month")["persons"]

# %%
figure, panel = plt.subplots(figsize=(8, 3.4), layout="constrained")
seen = counts.loc["2022-01":"2022-09"]
panel.plot(seen.index, seen, "o-", color="black", fillstyle="none", label="counted, known at the origin")
panel.fill_between(ahead.index, ahead[0.05], ahead[0.95], color="#D3E6F4", label="90 % interval")
panel.fill_between(ahead.index, ahead[0.25], ahead[0.75], color="#8FC1E3", label="50 % interval")
panel.plot(ahead.index, ahead[0.5], color="#0072B2", label="forecast, median")
later = counts.loc["2022-10":"2022-12"]
panel.plot(later.index, later, "o", color="#D55E00", label="counted later")
panel.set_ylabel("persons per month")
panel.set_ylim(bottom=0)
panel.tick_params(axis="x", rotation=45)
panel.set_title("Darién, forecast from September 2022", loc="left")
legend = panel.legend(frameon=False, fontsize=8)
# %%
month = "2022-11"
Markdown(
    f"**Darién, November 2022: forecast {ahead.loc[month, 0.5]:,.0f} persons** (90 % interval {ahead.loc[month, 0.05]:,.0f} to "
    f"{ahead.loc[month, 0.95]:,.0f}); counted {counts[month]:,.0f}. On 12 October a rule nobody could know came into force: "
    "a forecast made the month before a rule is a forecast of a world that did not happen."
)

# %% [markdown]
# One origin proves nothing. The archive holds the forecasts of all thirty origins from December 2021 to May 2024, frozen.
# The weighted interval score (WIS, in persons; lower is better) rewards intervals that are narrow *and* hold the count.

# %%
past = pd.read_parquet(ARCHIVE / "hindcast.parquet")
past = past[
    (past["target"] == "darien") & (past["nationality"] == "ALL") & (past["scenario"] == "known_rules")
]
naive = pd.read_parquet(ARCHIVE / "naive_scores.parquet")
naive = naive[(naive["model"] == "last_value") & (naive["scale"] == "natural")]

from calibration.score import LEVELS, score_cells

cells = past[["target", "nationality", "origin", "period"]].reset_index(drop=True)
values = past[[f"q{level:g}" for level in LEVELS]].to_numpy(float)
own = score_cells(cells, values, past["observed"].to_numpy(float), "travesia")
own = own[own["scale"] == "natural"].merge(
    naive, on=["target", "nationality", "origin", "period"], suffixes=("", "_last")
)
apart = pd.PeriodIndex(own["period"], freq="M").astype("int64") - pd.PeriodIndex(
    own["origin"], freq="M"
).astype("int64")
table = own.groupby(apart.rename("months ahead")).agg(
    forecasts=("wis", "size"),
    wis=("wis", "mean"),
    wis_last_month=("wis_last", "mean"),
    inside_90=("inside90", "mean"),
)
table["relative"] = table["wis"] / table["wis_last_month"]
table.round({"wis": 0, "wis_last_month": 0, "inside_90": 2, "relative": 2})

# %%
Markdown(
    "; ".join(
        f"**{n} month{'s' if n > 1 else ''} ahead the score is {r:.2f} times that of repeating last month**"
        for n, r in table["relative"].items()
    )
    + f" (below one is better). The 90 % interval held the count in {100 * own['inside90'].mean():.0f} % of {len(own)} cases."
)

# %% [markdown]
# **What it cannot say.** Months overlap, so thirty origins are not thirty independent tests. Six constants of the rule
# were set while looking at these months, which flatters the table a little; months after June 2024 are the real
# examination. Score your own with `travesia score FORECAST_DIR OBSERVED`. Where the ratio is above one, use last month's
# figure.
