# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 8
#     teaching: 20
# ---

# %% [markdown]
# # Count what a second costs
#
# **Minutes:** 20 to read and run, 8 for the exercise.
#
# ### What you'll do
#
# Hold the same conversation twice, once typed and once spoken, and measure what each second of speech costs.
#
# ### What you'll learn
#
# - how many tokens a second of your voice takes, and a second of the bot's
# - why every answer reads more than the one before it
# - what the cache saves
# - the price of a minute and of an hour, and which of these figures to trust
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again.
#
# A **token** is the unit in which models read and write, and in which they are billed. The numbers come from the local simulator. It counts by the documented rules; where it has to estimate, we say so.
#
# ---

# %%
from dataclasses import replace
from pprint import pprint

from realtime_helpers import (
    PRICES,
    PRICES_AS_OF,
    Outlook,
    RealtimeSession,
    SessionOptions,
    SpeechRates,
    SpeechSource,
    cost_usd,
    forecast_cost,
    split_cost,
)
from realtime_helpers.conversation import TRANSCRIPTION_PRICES, find_prices
from realtime_helpers.course import choose_server, say
from realtime_helpers.course.costs import RECORDED, added_tokens, check_price
from realtime_helpers.plots import plot_usage
from realtime_helpers.tables import Table

# %%
settings = choose_server("simulator", turns=16)  # or "openai", "azure": needs a key, and costs what it says
prices = find_prices(settings.model)

# %% [markdown]
# ## Type it, then say it
#
# Four sentences, twice. First they are typed and answered in writing. Then they are spoken and answered aloud.


# %%
def hold(sentences, *, spoken):
    user = SpeechSource()
    options = SessionOptions(output_modality="audio" if spoken else "text")
    with RealtimeSession(settings=settings, options=options) as session:
        session.start(source=user)
        for number, words in enumerate(sentences, start=1):
            if spoken:
                user.say(words)
            else:
                session.send_text(words)
            now = session.wait_for_answer(number)
    assert not now.problems, now.problems
    return now


sentences = ["Tell me a quick story", "My dog is called Biscuit", "I live in Lisbon", "How are you today"]
typed = hold(sentences, spoken=False)
spoken = hold(sentences, spoken=True)

# %% tags=["nbval-check-output"]
for one, other in zip(typed.turns, spoken.turns, strict=True):
    print("typed: ", one.user_text, "->", one.assistant_text[:40])
    print("spoken:", other.user_text, "->", other.assistant_text[:40])

# %% [markdown]
# Same questions, same answers. So whatever differs below is the price of the sound.
#
# Every answer ends with an event called `response.done`. It carries `usage`: the tokens that were read (in) and written (out). Here is the usage of the first spoken answer:

# %% tags=["nbval-check-output"]
usage = spoken.responses[0].usage
print("in: ", usage.input_text, "text +", usage.input_audio, "audio, of these from the cache:", usage.cached_tokens)
print("out:", usage.output_text, "text +", usage.output_audio, "audio")

# %% [markdown]
# You only spoke, so why does text go in? These are the instructions: every answer reads them first. And why does text come out? A spoken answer brings its own words along.
#
# ## Tokens per second
#
# > **Predict, then run.** A widely read notebook of 2025 teaches: one second of audio is about 150 tokens, ten times the text. How many tokens will one second of your voice take: 10, 50 or 150?
#
# An answer reads *everything* again. So what your newest turn added is what this answer read, minus what the answer before it had read and written. `added_tokens` takes that difference.


# %%
def usages_of(now):
    return [entry.usage for entry in now.responses]


def added_by_turn(now):
    usages = usages_of(now)
    return [added_tokens(before, after) for before, after in zip([None, *usages], usages, strict=False)]


def seconds_of(now, role):
    return sum(item.audio_ms for turn in now.turns for item in turn.items if item.role == role) / 1000


# %% tags=["nbval-check-output"]
you_s, bot_s = seconds_of(spoken, "user"), seconds_of(spoken, "assistant")
you_tokens = sum(added.input_audio for added in added_by_turn(spoken))
bot_tokens = spoken.total.output_audio
you_rate, bot_rate = you_tokens / you_s, bot_tokens / bot_s
print(f"your voice:      {you_tokens:>4} tokens in {you_s:>4.1f} s = {you_rate:>4.1f} a second")
print(f"the bot's voice: {bot_tokens:>4} tokens in {bot_s:>4.1f} s = {bot_rate:>4.1f} a second")
print(f"the old claim:    150 tokens in  1.0 s, so {150 / you_rate:.0f} times what was measured")

# %% [markdown]
# The rules behind it, as documented: one token for 100 ms of your voice, one for 50 ms of the bot's. The simulator rounds each turn down, so the measured rate lies a little below.
#
# That notebook could have known. Further down it prints its own measurement (quoted): 105 tokens for 10.75 seconds.

# %% tags=["nbval-check-output"]
print(f"its own printout: {105 / 10.75:.1f} tokens a second")

# %% [markdown]
# ## Speech against text
#
# And the "ten times"? The first turn is left out here, because its count holds the instructions too.

# %% tags=["nbval-check-output"]
rows, sums = [], [0, 0, 0, 0]
for number in range(1, len(sentences)):
    said, heard = added_by_turn(typed)[number], added_by_turn(spoken)[number]
    wrote, spoke = usages_of(typed)[number], usages_of(spoken)[number]
    counts = [said.input_tokens, heard.input_tokens, wrote.output_tokens, spoke.output_tokens]
    sums = [total + count for total, count in zip(sums, counts, strict=True)]
    rows.append((sentences[number], *map(str, counts)))
rows.append(("all three", *map(str, sums)))
rows.append(("speech : text", "", f"{sums[1] / sums[0]:.1f}", "", f"{sums[3] / sums[2]:.1f}"))
Table(("sentence", "in, typed", "in, spoken", "out, typed", "out, spoken"), rows)

# %% [markdown]
# Your side takes a few times the tokens of text, the bot's side more. Neither is ten. The counts include a handful of tokens around each message. How many is an estimate of the simulator, fitted to recordings.
#
# But tokens are not dollars. An audio token has a price of its own:

# %% tags=["nbval-check-output"]
print(f"list prices of {PRICES_AS_OF}, {settings.model}, US dollars per million tokens")
print(f"in:     text {prices.text_in:>5.2f}   audio {prices.audio_in:>5.2f}")
print(f"cached: text {prices.text_cached:>5.2f}   audio {prices.audio_cached:>5.2f}")
print(f"out:    text {prices.text_out:>5.2f}   audio {prices.audio_out:>5.2f}")
print(f"these {len(sentences)} turns: typed ${typed.cost_usd:.4f}, spoken ${spoken.cost_usd:.4f},", end=" ")
print(f"{spoken.cost_usd / typed.cost_usd:.0f} times as much")

# %% [markdown]
# *There* is the big factor: more tokens, and each of them dearer.
#
# ## Ride in the taxi
#
# Now a longer talk, with the meter running. Put your own sentences in if you like.

# %%
user = SpeechSource()
session = RealtimeSession(settings=settings)
session.start(source=user)


def ride(words):
    now = say(session, user, words)
    usage = now.responses[-1].usage
    fare = cost_usd(usage, prices)
    print(f"     read {usage.input_tokens:,} tokens, {usage.cached_tokens:,} of them from the cache", end="; ")
    print(f"this ride ${fare:.4f}, so far ${now.cost_usd:.4f}")


# %% [markdown]
# > **Predict, then run.** The first and the last sentence below are the same. The first ride reads about 90 tokens. How many will the last one read: 90, 500 or 2,000?

# %% tags=["nbval-check-output"]
ride("Tell me a quick story.")
ride("My dog is called Biscuit.")
ride("Tell me another story.")
ride("I live in Lisbon.")
ride("Tell me three funny ones.")
ride("I play the piano.")
ride("How are you today?")
ride("Tell me a quick story.")

# %%
talk = session.snapshot
session.stop()
plot_usage(talk.responses)

# %% [markdown]
# This is the picture of the whole course. Each answer reads the entire conversation again, so the bars only grow. Nothing you say is ever paid for just once.
#
# And yet the last ride was hardly dearer than the first. Why?
#
# ## Fresh against cached
#
# The hatched part is what saves you. What the model has read before, *unchanged and from the beginning on*, it can take from a **cache**.
#
# > **Predict, then run.** A fresh audio token costs how many times as much as a cached one: 2, 10 or 33?

# %% tags=["nbval-check-output"]
total, paid = talk.total, split_cost(talk.total, prices)
kinds = [
    ("text in, fresh", total.input_text - total.cached_text, prices.text_in, paid.text_fresh),
    ("text in, cached", total.cached_text, prices.text_cached, paid.text_cached),
    ("audio in, fresh", total.input_audio - total.cached_audio, prices.audio_in, paid.audio_fresh),
    ("audio in, cached", total.cached_audio, prices.audio_cached, paid.audio_cached),
    ("text out", total.output_text, prices.text_out, paid.text_out),
    ("audio out", total.output_audio, prices.audio_out, paid.audio_out),
]
Table(
    ("what", "tokens", "$ per million", "$", "share"),
    [(name, f"{tokens:,}", f"{per:.2f}", f"{usd:.5f}", f"{usd / paid.total:.0%}") for name, tokens, per, usd in kinds],
    f"All together ${paid.total:.4f}. Fresh audio costs {prices.audio_in / prices.audio_cached:.0f} times as much as cached.",
)

# %% tags=["nbval-check-output"]
nothing_cached = cost_usd(replace(total, cached_text=0, cached_audio=0), prices)
print(f"the same talk without a cache: ${nothing_cached:.4f}, {nothing_cached / paid.total:.1f} times as much")

# %% [markdown]
# The simulator's cache always hits. The real one hits often, and promises nothing. And whoever changes the *beginning* of a conversation loses the cache from there on. Remember that when we summarise, in notebook 06.
#
# ## A minute and an hour
#
# > **Predict, then run.** An hour of talk: will it cost **a)** sixty times the average minute of this talk, **b)** two or three times as much as that, or **c)** more than ten times as much?
#
# Two kinds of numbers stand in this table. Those *from the ledger* are what the usage of this talk says, times list prices. Those that are *forecast* come from a model of how a talk like this one grows when nothing is ever summarised. We add two seconds of pause a turn, which is our assumption.

# %% tags=["nbval-check-output"]
PAUSE_S = 2
talk_s = seconds_of(talk, "user") + seconds_of(talk, "assistant") + PAUSE_S * len(talk.turns)
first = talk.responses[0]
outlook = Outlook(
    prices,
    SpeechRates.measured(talk.turns, pause_s=PAUSE_S),
    prefix_tokens=first.usage.input_tokens - first.conversation_tokens,  # the instructions
)
ears = TRANSCRIPTION_PRICES[settings.transcription_model].per_minute


def hour(hit_rate):
    return forecast_cost(replace(outlook, hit_rate=hit_rate)).total_usd


rows = [
    ("a minute of your voice, read once", you_rate * 60 * prices.audio_in / 1e6, "measured rate"),
    ("the same minute, written down for you", ears, "list price, a model of its own"),
    ("a minute of the bot's voice", bot_rate * 60 * prices.audio_out / 1e6, "measured rate"),
    ("an average minute of this talk", talk.cost_usd / talk_s * 60, "ledger"),
    ("an hour, if it did not grow", paid.per_hour(talk_s).total, "ledger, times 60"),
    ("an hour as it grows, cache always hits", hour(1.0), "forecast"),
    ("an hour as it grows, cache hits 70 %", hour(0.7), "forecast"),
    ("an hour as it grows, no cache", hour(0.0), "forecast"),
]
Table(
    ("what", "$", "where it comes from"),
    [(name, f"{usd:.3f}", source) for name, usd, source in rows],
    f"This talk took {talk_s:.0f} s. {settings.model}, list prices of {PRICES_AS_OF}.",
)

# %% [markdown]
# **b)** if the cache always hits, **c)** if it does not. So measure the share of hits, do not hope: `snapshot.cache_hit_rate` has it.
#
# ---
#
# ## On your own
#
# Work out the price of one response yourself, from the raw `usage` as the server sends it. This is what you need when an invoice surprises you.
#
# Fill in `price_usd`. The check compares it with the account, for four responses and two models. It looks at the number alone, not at how you got it.

# %%
usage, prices = RECORDED[0], PRICES["gpt-realtime-2.1-mini"]
pprint(usage)
print(prices)


# %% tags=["exercise"]
def price_usd(usage, prices):
    """The price of one response in US dollars."""
    # solution begins
    # stub: return 0.0  # <- your sum
    read, wrote = usage["input_token_details"], usage["output_token_details"]
    cached = read["cached_tokens_details"]
    millionths = (
        (read["text_tokens"] - cached["text_tokens"]) * prices.text_in
        + (read["audio_tokens"] - cached["audio_tokens"]) * prices.audio_in
        + cached["text_tokens"] * prices.text_cached
        + cached["audio_tokens"] * prices.audio_cached
        + wrote["text_tokens"] * prices.text_out
        + wrote["audio_tokens"] * prices.audio_out
    )
    return millionths / 1e6
    # solution ends


# %% tags=["self-check"]
check_price(price_usd)

# %% [markdown]
# <details><summary>Hint 1</summary>There are six kinds of tokens: text and audio, each of them read fresh, read from the cache, or written. Find each of the six numbers first.</details>
#
# <details><summary>Hint 2</summary><code>input_token_details["text_tokens"]</code> holds <i>all</i> text that was read, and <code>cached_tokens_details["text_tokens"]</code> is a part of it. Fresh is the difference.</details>
#
# <details><summary>Hint 3</summary>The fresh text costs <code>(text_tokens - cached text_tokens) * prices.text_in / 1e6</code>. Five more terms like this one, with <code>text_cached</code>, <code>text_out</code>, <code>audio_in</code>, <code>audio_cached</code> and <code>audio_out</code>.</details>

# %% [markdown]
# ## Take-aways
#
# - Your voice: about 10 tokens a second. The bot's: about 20. Not 150.
# - Every answer reads the whole conversation again. That is why a talk gets dearer as it goes on.
# - The cache decides whether that hurts. It knows only an unchanged beginning.
#
# ## In practice
#
# - On the real service the differences between two answers may look odd: recordings show that current models read older replies as text. `usage` is right all the same. `docs/costs.md` has the details.
# - An interrupted reply is billed as it was *generated*, not as it was heard.
# - Paste a `response.done` of your own session into `read_usage`, and `split_cost` tells what it was spent on.
#
# ## Further reading
#
# - [What a long conversation costs](../docs/costs.md): the model behind the forecast, and when summarising pays.
# - [What the simulator counts exactly, and what it estimates](../docs/simulator.md).
# - [OpenAI: managing costs](https://platform.openai.com/docs/guides/realtime-costs), the official words on usage and caching.
