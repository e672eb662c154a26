# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 10
#     teaching: 20
# ---

# %% [markdown]
# # Hold your first conversation
#
# **Minutes:** 20 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Talk with a speech-to-speech model until its memory fills up, have old turns summarised *inside the live conversation*, and check that nothing you said was lost.
#
# ### What you'll learn
#
# - to start, use and stop a `RealtimeSession` from ordinary notebook cells
# - to read what each response cost, split into text, audio and cached tokens
# - to see a summary take the place of old turns, and to prove that the model reads it
#
# ### What you'll need
#
# Nothing but this notebook. You talk to a **simulator** that runs on this machine: it hears real speech, speaks real speech and counts tokens by the rules of the OpenAI Realtime API. It is *not* a language model: it answers by simple rules, and only from what is in its context window. That last part is what makes it useful here.
#
# ---

# %% [markdown]
# ## Start a session
#
# A session runs in the background. `start` returns at once, so you keep your notebook while the conversation goes on.
#
# `memory` says when old turns are to be summarised: when a response reads more than 1,250 tokens of conversation, everything but the newest two turns is replaced by a summary. Real products use far more; a small number lets you see it happen. The summary is to be in French. You will see why.
#
# `user` is a person made of software: it says aloud what you tell it to. On a laptop, `microphone()` and `speaker()` take the places of `user` and of the silent sink.

# %%
from IPython.display import Audio

from realtime_helpers import (
    RealtimeSession,
    SessionOptions,
    SilentSink,
    SpeechSource,
    StereoRecorder,
    SummaryPolicy,
    SummaryStyle,
    conversation_record,
    lost_items,
)

user = SpeechSource()
recorder = StereoRecorder()
session = RealtimeSession(
    memory=SummaryPolicy(trigger_tokens=1_250, keep_turns=2),
    style=SummaryStyle(language="French"),
)
session.start(source=recorder.user(user), sink=recorder.assistant(SilentSink()))


# %% [markdown]
# One small function for the rest of the notebook: say something, wait for the answer, show both. The words after **you** are not the words in the cell. They are what the server *heard*: it turned your audio back into text.


# %%
def talk(words):
    number = len(session.snapshot.turns) + 1
    user.say(words)
    now = session.wait_for_answer(number)
    turn = now.turns[-1]
    print("you:", turn.user_text)
    print("bot:", turn.assistant_text)


# %% tags=["nbval-check-output"]
talk("Tell me a quick story.")

# %% [markdown]
# ## What did that cost?
#
# > **Predict, then run.** You spoke for about two seconds; the bot answered for about ten. Which of the two is the larger number below: the audio tokens that went *in*, or those that came *out*?

# %%
usage = session.snapshot.responses[-1].usage
print("in: ", usage.input_text, "text +", usage.input_audio, "audio")
print("out:", usage.output_text, "text +", usage.output_audio, "audio")

# %% [markdown]
# The bot's speech is dearer twice over: it lasts longer, and a second of it is 20 tokens where a second of yours is 10. (In text, both would have been a fraction of it.)
#
# The text tokens that went in are instructions: every response reads them again, before the conversation itself.
#
# ## Fill the memory
#
# > **Predict, then run.** Three funny stories come next, then two facts about you. Every response reads the *whole* conversation again. What will the column `in` do?

# %% tags=["nbval-check-output"]
talk("Now tell me three funny ones.")
talk("My dog is called Biscuit.")
talk("I live in Lisbon.")


# %%
def show_costs():
    print(f"{'response':>8} {'in':>6} {'text':>6} {'audio':>6} {'cached':>7} {'talk':>6} {'out':>6}")
    for number, entry in enumerate(session.snapshot.responses, start=1):
        usage = entry.usage
        print(
            f"{number:>8} {usage.input_tokens:>6} {usage.input_text:>6} {usage.input_audio:>6}"
            f" {usage.cached_tokens:>7} {entry.conversation_tokens:>6} {usage.output_tokens:>6}"
        )
    print(f"so far: ${session.snapshot.cost_usd:.4f}, at list prices; a simulation, not an invoice")


show_costs()

# %% [markdown]
# It grows with every turn: that is the problem this course is about. Look at `cached` too. What was read before, unchanged, is many times cheaper the second time. Hold that thought: a summary throws the cache away.
#
# The trigger looks at the column `talk`: the conversation alone, without the instructions that every response reads first.

# %% [markdown]
# ## Cross the trigger
#
# The next turn takes the conversation over 1,250 tokens. The session then asks a text model for a summary, off to the side, while you keep talking. It inserts the summary at the front as a *system* item, waits until the server has confirmed it, and only then deletes the old turns, each one confirmed as well.

# %% tags=["nbval-check-output"]
talk("How are you today?")
talk("Tell me one more short story, please.")

# %% tags=["nbval-check-output"]
now = session.wait_for(lambda now: now.summaries and not now.is_summarising)
print(now.summaries[0].text)

# %% [markdown]
# The frame is French; the quotations are your own words. The simulator's summariser does not translate, it picks out. A real model would write the whole in French.

# %% [markdown]
# ## Is it really there?
#
# > **Predict, then run.** The conversation was in English throughout. What will the bot say? And can it still know your dog, whose turn has been deleted?

# %% tags=["nbval-check-output"]
talk("What language is the summary in?")
talk("What is my dog called?")
talk("Where do I live?")

# %% [markdown]
# Nobody ever spoke French here, so the model can only know it from the summary. That is the *French proof*: a trick for testing, not a default for your product. Your dog, too, is known from the summary alone. Where you live may still stand in a turn of its own: the list further down shows which turns are gone.

# %% tags=["nbval-check-output"]
record = session.snapshot.summaries[0]
print("the window fell:", record.window_after < record.window_before)
print("items the summary stands for:", len(record.covers))

# %%
print(record.window_before, "->", record.window_after, "tokens of conversation")
show_costs()

# %% [markdown]
# ## Was anything lost?
#
# `check_items` asks the *server* for every item that we believe to be there. `lost_items` looks for anything you or the bot said that is neither on the server nor behind a summary. It should find nothing, now and always.

# %% tags=["nbval-check-output"]
now = session.snapshot
on_server = session.check_items().result(30)
print("the server has every item we count on:", on_server == {item.id for item in now.items})
print("lost:", len(lost_items(now.turns, now.items, now.summaries)))

# %% [markdown]
# The originals are kept on your side, each with the summary that stands for it:

# %% tags=["nbval-check-output"]
for turn in conversation_record(now)["turns"][:3]:
    first = turn["items"][0]
    where = "on the server" if first["on_server"] else "behind the summary"
    print(turn["number"], repr(first["text"]), "is", where)

# %% [markdown]
# ## Stop, and listen
#
# Stopping is part of using: it closes the connection and lets go of devices. Then hear what was said, you on the left, the bot on the right.

# %%
session.stop()
recorder.save("first_conversation.wav")
print(f"{recorder.duration_s:.0f} seconds of conversation")
Audio(url="first_conversation.wav")


# %% [markdown]
# ---
#
# ## On your own
#
# > **Predict, then run.** The cell below holds the same short conversation twice, with typed turns, which is quicker: once without any memory, once with a summary. Which reads fewer tokens? Which costs less?
#
# Then change the two numbers, and look for settings that cost less than no memory at all.


# %%
def hold(memory):
    with RealtimeSession(memory=memory, options=SessionOptions(output_modality="text")) as typed:
        typed.start()
        for number, words in enumerate(["My name is Ada.", *["Tell me a long story."] * 8], start=1):
            typed.send_text(words)
            typed.wait_for_answer(number)
        return typed.wait_for(lambda now: not now.is_summarising)


yours = SummaryPolicy(trigger_tokens=600, keep_turns=1)  # <- your numbers
for name, memory in (("no memory", None), ("yours", yours)):
    end = hold(memory)
    total = end.total
    print(f"{name:>10}: {len(end.summaries)} summaries, {total.input_tokens} tokens read,", end=" ")
    print(f"{total.cached_tokens} of them cached, ${end.cost_usd:.4f}")
    assert not lost_items(end.turns, end.items, end.summaries), "a turn was lost: please report this"
print("self-check: with these numbers no turn was lost")

# %% [markdown]
# **A hint.** Cached text costs a tenth of fresh text (list prices, October 2026). Each summary makes everything behind it fresh again, once. The simulator *always* finds what was read before in its cache; the real service often, but not always.
#
# **What you found.** In a talk this short the summary reads less and costs more, and the figure does not even hold the cost of writing it. Summaries pay when conversations are long, when they are spoken, when the cache misses, and when the window would otherwise be full. They are a means against forgetting first, against cost second.
#
# ## Take-aways
#
# - Every response reads the whole conversation again; audio dominates what it reads.
# - A summary is spliced in by id, confirmed before anything is deleted: a failure at any point leaves a complete conversation.
# - The model answers from its window. What is not in it, and not in a summary in it, is gone.
#
# ## In practice
#
# - Keep summaries in the speaker's language, and ask for every name, number and promise in them.
# - With a key, `RealtimeSession(backend="openai")` runs the same cells against the real service. It costs money, and answers will differ.
# - Summaries need the words of what was *said*. The session switches input transcription on for that; it is billed separately.
#
# ## Further reading
#
# - [`docs/simulator.md`](../docs/simulator.md): what the simulator does exactly, and what it only imitates
# - [`docs/architecture.md`](../docs/architecture.md): how a spoken turn travels through the package
