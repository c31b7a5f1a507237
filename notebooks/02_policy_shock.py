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
# # 2. A policy shock and its paired difference
#
# **Question.** On 12 October 2022 the United States began to expel Venezuelans to Mexico and opened a small way in from
# abroad. How many fewer Venezuelans did that send through the Darién in the months after?
#
# **What we do.** We run the route twice, with the rule and without it. The same person has the same luck at the same
# place in both, so that much of what chance does cancels when one is taken from the other. Five pairs are enough to see by how
# much.

# %%
from IPython.display import Markdown

from sim import compare, load_scenario

window = {"window": {"start": "2022-07-01", "end": "2023-06-30"}, "spin_up_start": "2022-01-01"}
with_rule = load_scenario({"name": "with_the_rule", "extends": "history/baseline", **window})
without = load_scenario({"name": "without_the_rule", "extends": "what_if/no_october_2022_rule", **window})
pair = compare(with_rule, without, replicates=5, scale=0.02, seed=1)

# %% [markdown]
# The figure shows *without minus with*: what would have come on top, had there been no rule.

# %%
figure, table = pair.plot.differences()
figure

# %% [markdown]
# The number for one nationality, one border and one month:

# %%
rows = pair.differences
autumn = rows[(rows["border"] == "darien") & (rows["nationality"] == "VEN")].set_index("period")
november = autumn.loc["2022-11"]
Markdown(
    f"**Venezuelans over the Darién in November 2022: {november['median']:+,.0f} persons without the rule** "
    f"(90 % interval {november['lo90']:+,.0f} to {november['hi90']:+,.0f}), beside {november['base_median']:,.0f} with it."
)

# %% [markdown]
# What the same luck is worth: over the whole window, the standard error of the mean difference with pairs and with
# unrelated draws, all nationalities, in persons (encounters at the borders of Mexico and the United States). Where a rule
# changes nearly everybody's way, little chance is left to share; where it touches few among many, most of it cancels.

# %%
crossed = rows[rows["measure"] == "crossings"]
whole = crossed[(crossed["nationality"] == "ALL") & (crossed["period"] == "ALL")].set_index("border")
errors = whole[["median", "lo90", "hi90", "se_paired", "se_unpaired"]].round(0).astype(int)
errors.assign(times=(whole["se_unpaired"] / whole["se_paired"]).round(1))

# %% [markdown]
# People can be followed one by one through both worlds (first replicate):

# %%
people = pair.people[pair.people["nationality"] == "VEN"].groupby("change", observed=True)["persons"].sum()
(100 * people / people.sum()).round(1).sort_values(ascending=False).rename("% of Venezuelans").to_frame()

# %% [markdown]
# **What it cannot say.** The size of the rule's effect is an assumption of the policy library with its source (`travesia
# scenarios show what_if/no_october_2022_rule`), set while the counts were known. The difference says what follows from
# that size along the route; it does not prove the size. An interval that includes zero is no finding.
