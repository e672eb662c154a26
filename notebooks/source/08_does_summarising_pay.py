# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 10
#     teaching: 15
# ---

# %% [markdown]
# # Find out whether summarising pays
#
# **Minutes:** 15 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Hold the same talk five times, each time with another way to keep it short. Compare what each way read, what it cost, and what it still knew. Then turn one dial and watch the order change.
#
# ### What you'll learn
#
# - why reading fewer tokens can cost more money
# - which one number decides, and where to read it: the hit rate of the cache
# - to let a forecast choose when to summarise, and to check its choice
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again.
#
# No server is started and nothing is billed: session and simulator run in this kernel, on a clock that jumps over every wait. The simulator counts the tokens, the prices are OpenAI's list prices. So every figure in US dollars is an estimate.
#
# ---

# %% [markdown]
# ## Hold the same talk five times
#
# A *policy* says when old turns leave the conversation, and what takes their place. These five talk with us today:
#
# | policy | when old turns leave | what stays of them |
# |---|---|---|
# | never | never | everything, word for word |
# | eager, at 500 | at 500 tokens of conversation; one turn stays | a summary |
# | at 2,000 | at 2,000 tokens; two turns stay | a summary |
# | cache-aware | where a forecast expects the lowest cost; one turn stays | a summary |
# | server cuts at 2,000 | at 2,000 tokens, down to 80 % of that | nothing |
#
# The last one is the server's own *truncation*. It drops the oldest turns and tells nobody.
#
# In each talk, the user first tells ten facts, such as "My dog is called Biscuit". Then comes small talk. After 30 turns and after 120 we stop the meter and ask for all ten facts, beside the conversation, so that the question leaves no trace in it.

# %%
from contextlib import closing

from realtime_helpers import PRICES, PRICES_AS_OF, TEXT_PRICES, Outlook, Strategy, best_trigger, forecast_cost
from realtime_helpers.course import progress
from realtime_helpers.course.policies import (
    CONTENDERS,
    MODEL,
    check_cheapest,
    cost_at,
    hold_talk,
    policies_table,
)
from realtime_helpers.experiments.lab import lab_parts
from realtime_helpers.plots import Held, plot_cost_over_time, plot_recall_against_cost
from realtime_helpers.widgets.hit_rate_dial import HitRateDial

# %% [markdown]
# The clock jumps, so all five talks take a moment and not an hour. `parts` is the simulator's voice and its ears, which they share.

# %%
short, long = [], []
with closing(lab_parts()) as parts:
    for contender in progress(CONTENDERS, "talks held"):
        after_30, after_120 = hold_talk(contender, [30, 120], parts)
        short.append(after_30)
        long.append(after_120)

# %% [markdown]
# ## Fewer tokens, less money?
#
# > **Predict, then run.** The eager policy summarises early and often. After 30 turns it has read about a quarter of the tokens that *never* has read. It is cheaper, isn't it? What has it cost: a quarter, half, or as much as *never* and a little more?

# %% tags=["nbval-check-output"]
print(policies_table(short))

# %% [markdown]
# It is a little *dearer*, although it read so much less. Look at the column `from cache`.
#
# The service keeps what it read last time: that is its *cache*. If the next request *begins* with the very same tokens, that beginning is billed at the *cached* price. For audio on this model, that is a small fraction of the fresh price:

# %% tags=["nbval-check-output"]
prices = PRICES[MODEL]
print(f"{MODEL}, list prices of {PRICES_AS_OF}, per million tokens of audio:")
print(f"read fresh ${prices.audio_in:.2f}, from the cache ${prices.audio_cached:.2f}")
print(f"fresh is {prices.audio_in / prices.audio_cached:.0f} times as dear")

# %% [markdown]
# *Never* only ever adds to the end, so its beginning never changes. A summary goes in at the front and deletes what stood there. From that point on, everything is new to the cache, and the next response pays the full price for it. The eager policy does this every few turns.
#
# ## Now go on talking
#
# > **Predict, then run.** The same talks, after 120 turns. Is *never* still ahead of the eager policy?

# %% tags=["nbval-check-output"]
print(policies_table(long))

# %% [markdown]
# Now the summaries have paid for themselves. The window of *never* has grown with each turn, and even cached tokens cost something.
#
# The server's truncation is the dearest of all, and it has forgotten every fact. It cuts a little every few turns. Each cut breaks the cache, just as a summary does, and nothing stands for what was cut.

# %%
plot_recall_against_cost([Held(run.policy, cost_at(run), run.recalled / run.asked) for run in long])

# %% [markdown]
# To the left is cheap, on top is well remembered. One policy is dominated by all the others: it costs more *and* knows less.
#
# A word of caution. The simulator's summariser picks out sentences and puts facts first. Ten of ten facts mean that nothing is lost from one summary to the next. They do not mean that a real model summarises as well.
#
# ## Turn the dial
#
# So far the cache answered every time, because the simulator's cache never misses. The real one promises nothing. The *hit rate* is the share of what could have come from the cache that did come from it.
#
# > **Predict, then run.** We keep the talks of 30 turns and let the cache miss one time in ten. *Never* was cheaper than the eager policy a moment ago. By how much will it be dearer then: not at all, by a tenth, by a third?
#
# Move the slider yourself, or run the cell after it, which moves it for you. Find the hit rate at which *never* and the eager policy change places.

# %%
dial = HitRateDial(short)
dial

# %% tags=["nbval-check-output"]
for hit_rate in (100, 98, 95, 90, 70):
    dial.set("hit rate", hit_rate)
    never, eager = dial.costs_usd["never"], dial.costs_usd["eager, at 500"]
    print(f"hit rate {hit_rate:>3} %: eager ${eager:.3f}, never ${never:.3f} ({never / eager - 1:+.0%})")
print(dial.sentence)

# %% [markdown]
# A few misses are enough. A fresh token costs so much more than a cached one that a small share of misses soon is most of the bill, and the longest window has the most to miss.
#
# So there is no answer to "does summarising pay?" without this number. Measure it: every `response.done` says how many of its input tokens were cached, and `session.snapshot.cache_hit_rate` adds it up for you.
#
# ## An hour, forecast
#
# Measuring an hour for every hit rate would be dear with a real service. `forecast_cost` walks through it turn by turn on paper. Every turn is alike. The price of writing the summaries is included.

# %%
outlook = Outlook(PRICES[MODEL], summariser=TEXT_PRICES["gpt-6-luna"])
strategies = {"never": Strategy(), "at 2,000": Strategy(2_000), "at 8,000": Strategy(8_000)}
rates = outlook.rates
print(f"a turn: {rates.user_s:.0f} s of user, {rates.assistant_s:.0f} s of assistant, {rates.pause_s:.0f} s of pause")
plot_cost_over_time(outlook, strategies, hit_rates=(1.0, 0.7))

# %% [markdown]
# Mind the scales: each panel has its own.
#
# - With a cache that never misses, the curves stay together for a long time. Summarise late.
# - With one that misses three times in ten, *never* runs away, and an early trigger wins.
# - The cheapest trigger lies on the line of 8,000 in the first panel, on that of 2,000 in the second. No fixed number is right in both.
#
# What does the writer of the summaries take? Next to nothing, because it is a small text model that reads words and no audio:

# %% tags=["nbval-check-output"]
hour = forecast_cost(outlook, Strategy(2_000))
print(f"one hour, hit rate {outlook.hit_rate:.0%}, at 2,000: ${hour.total_usd:.2f} in all,")
print(f"of which ${hour.summaries_usd:.3f} for {hour.summaries} summaries")

# %% [markdown]
# ## Let the forecast choose
#
# `best_trigger` tries every trigger that makes a difference and shows its working. `CacheAwareTrigger` asks it again and again during a live session. It assumes a hit rate at first, and after five responses takes the one it measured:
#
# ```python
# SummaryPolicy(keep_turns=1, trigger=CacheAwareTrigger(hours=0.5, keep_turns=1))
# ```

# %% tags=["nbval-check-output"]
for minutes, hit_rate in ((10, 1.0), (60, 1.0), (60, 0.7)):
    choice = best_trigger(Outlook(PRICES[MODEL], hours=minutes / 60, hit_rate=hit_rate))
    print(f"{minutes} minutes: {choice.explain()}\n")

# %% [markdown]
# It is a forecast and no prophet. It must be told how long the talk will last, and it treats all turns as alike. In our table after 30 turns it was not the cheapest either: it had been told to expect 120.

# %% [markdown]
# ---
#
# ## On your own
#
# Three products ask for your advice. They differ in how long a call lasts and in how well the cache works. Write `cheapest(outlook)`: it gets what is expected of the calls and gives back the `Strategy` with the lowest forecast cost that loses no turn.
#
# `forecast_cost(outlook, Strategy(4_000))` has the attributes `total_usd` and `turns_lost`. `Strategy()` never summarises.
#
# > **Predict, then run.** Which of the three should not summarise at all?

# %%
calls = {
    "parcel hotline: 5 minutes, hit rate 100 %": Outlook(PRICES[MODEL], hours=5 / 60, hit_rate=1.0),
    "language tutor: an hour, hit rate 70 %": Outlook(PRICES[MODEL], hours=1.0, hit_rate=0.7),
    "night companion: four hours, hit rate 100 %": Outlook(PRICES[MODEL], hours=4.0, hit_rate=1.0),
}


# %% tags=["exercise"]
def cheapest(outlook):
    # solution begins
    # stub: return Strategy(trigger_tokens=2_000)  # the same for everybody: find a better one for this outlook
    tried = [Strategy(), *(Strategy(trigger) for trigger in range(500, 20_001, 500))]
    forecasts = [forecast_cost(outlook, strategy) for strategy in tried]
    complete = [forecast for forecast in forecasts if not forecast.turns_lost]
    return min(complete, key=lambda forecast: forecast.total_usd).strategy
    # solution ends


# %% [markdown]
# The check asks your function for all three, forecasts your strategy and the best one it knows, and accepts what is within 5 % of it and loses no turn.

# %% tags=["self-check"]
check_cheapest(cheapest, calls)

# %% [markdown]
# <details><summary>Hint 1</summary>One number cannot be right for all three. Make forecasts of several strategies inside the function, and compare them. Include <code>Strategy()</code>, or the hotline pays for summaries it does not need.</details>
# <details><summary>Hint 2</summary>Make a list of strategies with triggers from 500 to 20,000 in steps of 500. Call <code>forecast_cost(outlook, strategy)</code> on each. Leave out every forecast whose <code>turns_lost</code> is not 0.</details>
# <details><summary>Hint 3</summary><code>min(forecasts, key=lambda forecast: forecast.total_usd).strategy</code> is the answer. When yours works, compare it with <code>best_trigger(outlook).chosen.strategy</code>, which does the same in finer steps.</details>

# %% [markdown]
# ## Take-aways
#
# - Fewer tokens are not less money. A summary breaks the cached beginning, and the next response pays the full price once.
# - The hit rate decides. With a warm cache: summarise late, or not at all in a short call. With a cold one: summarise early.
# - Truncation by the server cost most here, and remembered least.
# - Memory comes first, money second: a full window forgets whether you pay or not.
#
# ## In practice
#
# - Look at `cached_tokens_details` in your own usage for a day before you choose a trigger.
# - Summarise seldom and in big steps. Cutting a little on every turn is the dearest thing one can do.
# - Recorded sessions show current models re-reading *older replies as text*, which makes long windows cheaper than here. `Outlook(replies_kept_as_audio=...)` reckons with that.
# - Prices change. `PRICES_AS_OF` says how old ours are.
#
# ## Further reading
#
# - [`docs/costs.md`](../docs/costs.md): the whole table, also for the smaller model, and what is an estimate in it
# - [`docs/experiments.md`](../docs/experiments.md): the recall experiment behind this notebook, over more summaries
# - [`docs/memory.md`](../docs/memory.md): every trigger, and how to combine them
