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
# # 4. Calibrating, and reading the report
#
# **Question.** How many people must have left, and in which month, for the counts at the Darién to come out as they did
# in autumn 2022? And which of our parameters do the counts tell us nothing about?
#
# **What we do.** A configuration names the counts to meet and what is free. `travesia calibrate` (here called from
# Python) measures with the agents engine how crossings answer to departures, fits departures, detection and scatter
# together, corrects the fit by whole runs, and writes a report. To fit into a minute we take ten months and three
# nationalities.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from calibration.calibrate import calibrate, write_result
from calibration.config import read_config

Path("autumn.yaml").write_text(
    """name: autumn
extends: history/baseline
window: {start: 2022-04-01, end: 2023-03-31}
spin_up_start: 2022-02-01
"""
)
Path("fit.yaml").write_text(
    """name: darien_autumn
scenario: autumn.yaml
window: {start: 2022-06, end: 2023-03}
series:
  - {border: darien, nationalities: [VEN, ECU, HTI]}
parameters:
  detection_darien: free
monthly_change: 0.35        # how much departures move from one month to the next, before the counts are seen
starts: 1
response: {scale: 0.02, lags: 3}
correction: {passes: 1, runs: 2, scale: 0.02}
"""
)
result = calibrate(read_config(Path("fit.yaml")), Path("fit"), draws=0)
files = write_result(result, Path("fit"))
print(", ".join(file.name for file in files))

# %% [markdown]
# `fit/report.html` says it in words and figures; the tables behind it are CSV. First: are the counts met? The band is
# where a new count would fall nine times in ten if the fit were right.

# %%
fit = pd.read_csv("fit/fit.csv")
figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
for panel, (group, part) in zip(axes, fit.groupby("nationality", sort=False), strict=True):
    months = part["month"].str[2:]
    panel.fill_between(months, part["lo90"], part["hi90"], color="#D3E6F4", label="90 % predictive interval")
    panel.plot(months, part["expected"], color="#0072B2", label="fitted")
    panel.plot(months, part["observed"], "o", color="black", fillstyle="none", label="counted (SNM Panama)")
    panel.set_title(f"Darién, {group}", loc="left")
    panel.set_ylabel("persons per month")
    panel.set_ylim(bottom=0)
    panel.tick_params(axis="x", rotation=90)
legend = axes[0].legend(frameon=False, fontsize=7)
# %% [markdown]
# Second: what did we learn? `narrowed_to` is the width of a parameter after the fit over its width before. One means that
# the counts said nothing, and what is printed is only what we believed before.

# %%
parameters = pd.read_csv("fit/parameters.csv").set_index("parameter")
shown = parameters.filter(regex="darien|honduras", axis=0)
shown[["value", "lo90", "hi90", "prior_lo90", "prior_hi90", "narrowed_to"]].round(2)

# %%
inside = ((fit["observed"] >= fit["lo90"]) & (fit["observed"] <= fit["hi90"])).mean()
rate = parameters.loc["detection_darien"]
Markdown(
    f"**{100 * inside:.0f} % of the {len(fit)} counts lie inside their 90 % interval.** The share of people registered on "
    f"leaving the jungle stays at {rate['value']:.2f} (90 % interval {rate['lo90']:.2f} to {rate['hi90']:.2f}), "
    f"{100 * rate['narrowed_to']:.0f} % as wide as before: one series of counts cannot tell more departures from better counting."
)

# %% [markdown]
# Third: the report lists the combinations that the counts cannot see (`directions.csv`), for example raising departures
# by air in one month while lowering them in the next. A forecast or a what-if that rests on such a combination rests on
# the prior.

# %%
blind = pd.read_csv("fit/directions.csv")
print(
    f"{(~blind['seen']).sum()} of the {len(blind)} combinations listed are not seen by these counts, for example:"
)
print(blind.loc[~blind["seen"], "combination"].iloc[0])

# %% [markdown]
# **What it cannot say.** Counts that are met prove little where each month has a departure of its own to meet them with.
# The test is what was not fitted: `travesia calibrate withheld` leaves out Honduras and Mexico and scores them. The full
# fit (`travesia calibrate full`) takes all borders from 2021 to mid-2024.
