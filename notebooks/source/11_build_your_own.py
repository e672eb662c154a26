# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 15
#     teaching: 20
# ---

# %% [markdown]
# # Build your own
#
# **Minutes:** 20 to read and run, 15 for the exercise.
#
# ### What you'll do
#
# Build three small products, a support line, a language tutor and a note taker, and then one of your own.
#
# ### What you'll learn
#
# - to start from a profile and change only what makes your product yours
# - to keep instructions in a Markdown file that colleagues can edit
# - to give it tools, a memory and a written record
# - what to test before real people talk to it
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again. You should have worked through notebooks 00 to 07, and 10 for tools.
#
# Everything runs on the simulator. Its mind is rules: it calls tools and remembers, but it does *not* follow instructions. A real model does.
#
# ---

# %%
from dataclasses import replace
from pathlib import Path
from typing import Literal

from IPython.display import Markdown

from realtime_helpers import (
    PROFILES,
    RealtimeSession,
    SessionOptions,
    SpeechSource,
    SummaryPolicy,
    captions_text,
    conversation_record,
    lost_items,
)
from realtime_helpers.course import choose_server, say
from realtime_helpers.course.building import check_bot, overhear

# %%
settings = choose_server("simulator", turns=14)  # or "openai", "azure": needs a key, and costs what it says

# %% [markdown]
# ## A support line
#
# A **profile** is a set of options for one kind of product, each with its reason. We take the one for customer service, and replace the instructions by [our own file](instructions/support_line.md). The two **tools** are plain Python functions. What they note down is real; in your product they would call your ticket system.

# %%
tickets, callbacks = [], []


def report_broken(device: Literal["radio", "phone"]) -> dict:
    """Open a ticket for a device that is broken."""
    tickets.append(device)
    return {"ticket": f"T-{100 + len(tickets)}", "device": device}


def remind_to_call(minutes: int) -> str:
    """Note that the customer wants to be called in so many minutes."""
    callbacks.append(minutes)
    return f"We call in {minutes} minutes."


support_line = replace(PROFILES["customer_service"].options, instructions=Path("instructions/support_line.md"))

# %% [markdown]
# > **Predict, then run.** The caller takes four turns, and three of them need a tool. How many responses will there be: 4, 7 or 8?

# %% tags=["nbval-check-output"]
caller = SpeechSource()
with RealtimeSession(settings=settings, options=support_line, tools=[report_broken, remind_to_call]) as session:
    session.start(source=caller)
    say(session, caller, "My radio is broken.")
    say(session, caller, "My phone is broken.")
    say(session, caller, "Remind me to call Anna in ten minutes.")
    now = say(session, caller, "Thank you very much.")

print("turns:", len(now.turns), "responses:", len(now.responses), "tickets:", tickets, "callbacks:", callbacks)

# %% [markdown]
# A call of a tool is a response of its own, and the answer that uses its result is another one. Tools make turns dearer and slower. Offer few of them.
#
# What to look at when it goes wrong is `snapshot.calls`:

# %% tags=["nbval-check-output"]
for call in now.calls:
    print(call.name, call.arguments, "->", call.state, call.output)

# %% [markdown]
# ## A language tutor
#
# Learners pause in the middle of a sentence. So this profile lets *sense* decide whether a turn is over (semantic VAD), and waits patiently. The tutor also needs a **memory**: lessons are long, and a teacher who forgets your name is a bad one. Its [instructions](instructions/language_tutor.md) are a file again.
#
# > **Predict, then run.** Old turns are summarised from 450 tokens on. The learner says in the second turn which instrument they play, and asks for it in the last. Will that turn still be in the conversation by then? And how many items will be lost: 0, 2 or 4?

# %% tags=["nbval-check-output"]
tutor = replace(PROFILES["language_tutor"].options, instructions=Path("instructions/language_tutor.md"))
learner = SpeechSource(pause_ms=1_500)  # takes a little longer after each sentence
memory = SummaryPolicy(trigger_tokens=450, keep_turns=1)
with RealtimeSession(settings=settings, options=tutor, memory=memory) as session:
    session.start(source=learner)
    say(session, learner, "I live in Oslo.")
    say(session, learner, "I play the piano.")
    say(session, learner, "Tell me a short story.")
    say(session, learner, "My favorite color is green.")
    session.wait_for(lambda now: now.summaries and not now.is_summarising)
    now = say(session, learner, "What instrument do I play?")

on_server = {item.id for item in now.items}
print("\nsecond turn still there:", set(now.turns[1].ids) <= on_server)
print("behind the summary:", now.summaries[-1].text)
print("lost:", len(lost_items(now.turns, now.items, now.summaries)))

# %% [markdown]
# The turn is gone, and the tutor still knows. What the learner takes home is the text of the lesson:

# %% tags=["nbval-check-output"]
print(captions_text(now.captions))

# %% [markdown]
# ## Meeting notes
#
# This one is silent. It listens to everybody, writes down what it hears, and speaks only when asked. Even then it writes ([its instructions](instructions/meeting_notes.md)).
#
# > **Predict, then run.** Four people have spoken, and nobody has asked anything yet. What has the model cost so far: as much as four turns, half of that, or nothing?

# %% tags=["nbval-check-output"]
notes = replace(PROFILES["meeting_notes"].options, instructions=Path("instructions/meeting_notes.md"))
room = SpeechSource(pause_ms=1_500)
with RealtimeSession(settings=settings, options=notes) as session:
    session.start(source=room)
    for words in ("I live in Berlin.", "My phone is broken.", "We agreed on ten minutes.", "My birthday is in May."):
        now = overhear(session, room, words)
    print("responses:", len(now.responses), "cost of the model:", now.cost_usd)
    session.send_text("What did I tell you?")
    meeting = session.wait_for(lambda now: now.responses and now.is_quiet)

print("cost when it was asked:", f"${meeting.cost_usd:.4f}")

# %% [markdown]
# Listening costs nothing until a response reads what was heard. (Writing the words down is billed by a transcription model of its own.)
#
# `conversation_record` is everything that was said, as plain data. A short function makes minutes of it:


# %%
def minutes(record):
    lines = ["### Minutes", ""]
    for item in (item for turn in record["turns"] for item in turn["items"]):
        if item["role"] == "user" and item["spoken"]:
            lines.append(f"- {item['text']} *({item['audio_ms'] / 1000:.1f} s)*")
        elif item["role"] == "assistant":
            lines += ["", f"**Notes:** {item['text']}"]
    return "\n".join(lines)


# %% tags=["nbval-check-output"]
Markdown(minutes(conversation_record(meeting)))

# %% [markdown]
# The notes are a list of facts, because the simulator finds nothing else. A real model follows the instructions: decisions, who does what, open questions.
#
# ## Before real people talk to it
#
# | try | what you want to see | where |
# |---|---|---|
# | interrupt it in mid-sentence | it stops at once, and remembers only what was heard | notebook 05, [turn taking](../docs/turn_taking.md) |
# | talk until it summarises, twice | `lost_items` is empty | notebook 06, [the promise](../docs/invariant.md) |
# | pull the plug | it comes back and still knows you | notebook 09, [faults](../docs/faults.md) |
# | let a tool fail, and be slow | it says so, and the talk goes on | notebook 10, [tools](../docs/tools.md) |
# | an hour at your prices | a figure that you can pay | notebook 02, [costs](../docs/costs.md) |
# | your accent, your room, your loudspeaker | it hears you, and never itself | notebook 04, [devices](../docs/devices.md) |
#
# The first five run on the simulator, in your automatic tests, without a key. The last one needs people.

# %% [markdown]
# ## Where to go next
#
# - **A server of your own**: `realtime-workshop serve` gives any Realtime client something to talk to: [serving](../docs/serving.md).
# - **A real mind behind the simulator**: any chat model with an OpenAI-like address can answer in its place: [engines](../docs/engines.md).
# - **See what it does in production**: `trace=Telemetry()` sends figures to where you look at all your others; `EventLog` keeps the events.
# - **Keep what was said**: write `conversation_record(session.snapshot)` to your database as JSON when a talk ends. Tell people that you do.

# %% [markdown]
# ---
#
# ## On your own
#
# Build a bot of your own. Take one of the three above and change it, or begin with nothing. It needs three things: **instructions** in your own words, one **tool**, and a **memory**.
#
# Then write what your user says, at least three lines. One of them must make the bot call the tool. The check types these lines to your bot, on the simulator and nowhere else, and looks at what the session really did. It does not judge the answers.
#
# The simulator calls a tool when a line holds a word of the tool's *name*, and a value for each of its arguments.


# %% tags=["exercise"]
def my_bot():
    """A session that was not started yet."""
    # solution begins
    # stub: return RealtimeSession(options=SessionOptions())  # <- instructions, a tool, a memory

    def set_timer(minutes: int) -> str:
        """Set a kitchen timer."""
        return f"The timer is set to {minutes} minutes."

    return RealtimeSession(
        options=SessionOptions(instructions="You help in a kitchen. One step at a time.", output_modality="text"),
        tools=[set_timer],
        memory=SummaryPolicy(trigger_tokens=2_000, keep_turns=2),
    )
    # solution ends


# solution begins
# stub: my_lines = ["Hello.", "How are you?", "Thank you."]
my_lines = ["Hello.", "Set a timer for ten minutes.", "Thank you."]
# solution ends

# %% tags=["self-check"]
check_bot(my_bot, my_lines)

# %% [markdown]
# <details><summary>Hint 1</summary>Begin with the instructions: <code>options=SessionOptions(instructions="…")</code>, or <code>replace(PROFILES["…"].options, instructions="…")</code> as above. Run the check again: it tells you what is missing next.</details>
#
# <details><summary>Hint 2</summary>A tool is a function with type hints and a docstring: <code>tools=[set_timer]</code>. With <code>def set_timer(minutes: int)</code>, the line "Set a timer for ten minutes." calls it: it holds <i>set</i>, <i>timer</i> and a number of minutes.</details>
#
# <details><summary>Hint 3</summary><code>RealtimeSession(options=SessionOptions(instructions="You help in a kitchen."), tools=[set_timer], memory=SummaryPolicy(trigger_tokens=2_000, keep_turns=2))</code></details>

# %% [markdown]
# ## Take-aways
#
# - A product is a profile, your instructions, a few tools and a memory. The rest is the same for all.
# - Silence is cheap: a bot that only listens costs its transcription.
# - Judge what a session *did*, by its snapshot and its record. The wording of a model changes from day to day.
#
# ## In practice
#
# - Keep instructions short. Every response reads them again.
# - People who hear a machine want to know that it is one, and whether they are recorded. In many places they have a right to.
# - Change one thing at a time, and talk to it yourself for ten minutes before anybody else does.
#
# ## Further reading
#
# - [All options and all profiles, with their reasons](../docs/options.md).
# - [How memory works](../docs/memory.md), and [who writes the summaries](../docs/summaries.md).
# - [What this workshop does not do](../docs/limitations.md).
# - [OpenAI: prompting realtime models](https://developers.openai.com/api/docs/guides/realtime-models-prompting).
