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
# # Give it tools
#
# **Minutes:** 20 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Let a voice bot call your Python functions, make three of them fail, and ask it something beside the conversation.
#
# ### What you'll learn
#
# - to turn a function into a tool that a model can call
# - to see what a call costs, in responses, tokens and time
# - to make errors and time-outs into something the model can talk about
# - to get an answer *out of band*: without a trace in the conversation
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again. Notebook 03 helps: it explains items and events.
#
# ---

# %%
import asyncio
import json

from realtime_helpers import RealtimeSession, SessionOptions, SpeechSource, ToolError, as_tool
from realtime_helpers.course import choose_server, say
from realtime_helpers.course.booking import WRITTEN_CALLS, check_book_table
from realtime_helpers.tools.examples import Reminders, get_weather

# %% tags=["nbval-check-output"]
settings = choose_server("simulator", turns=9)  # or "openai", "azure": those need a key, and cost money

# %% [markdown]
# ## What the model is told
#
# A model cannot do anything. It can *ask you* to: with a **function call**, an item that holds a name and arguments. You carry it out, send back an **output**, and the model goes on with what it learned.
#
# For that it must know your function. `as_tool` makes a description of it: the name, the docstring, and the type hints as a JSON schema.

# %% tags=["nbval-check-output"]
print(json.dumps(as_tool(get_weather).wire, indent=1))

# %% [markdown]
# This is all that the model ever sees of it. So a docstring is written for the model. This one says that the weather is invented, because it is.
#
# ## The first call
#
# Two tools now: `get_weather`, and `remind_me`, which notes something in a Python list. Nothing rings.

# %% tags=["nbval-check-output"]
sent = []


def note(direction, event, at_s):
    if direction == "sent" and event["type"] in ("conversation.item.create", "response.create"):
        sent.append(event["type"])


user = SpeechSource()
reminders = Reminders()
session = RealtimeSession(settings=settings, tools=[get_weather, reminders.remind_me], trace=note)
session.start(source=user)
now = say(session, user, "What is the weather in Paris?")

# %% tags=["nbval-check-output"]
call = now.calls[-1]
print(call.name, call.arguments, "->", call.state)
print(call.output)

# %% [markdown]
# The bot read out what your function returned, and nothing else: the simulator follows rules. A real model would make a sentence of it.
#
# Now look at something that only Python can see.

# %%
now = say(session, user, "Remind me to call Anna in ten minutes.")

# %% tags=["nbval-check-output"]
print("the list in Python:", [reminder.what for reminder in reminders.all])

# %% [markdown]
# You said a sentence, and a list changed. That is all there is to an "agent".
#
# ## What a call costs
#
# > **Predict, then run.** You asked two questions and got two answers. How many responses did you pay for: 2, 3 or 4?

# %%
print(f"{'response':>8} {'in':>6} {'cached':>7} {'out':>5}")
for number, entry in enumerate(session.snapshot.responses, start=1):
    usage = entry.usage
    print(f"{number:>8} {usage.input_tokens:>6} {usage.cached_tokens:>7} {usage.output_tokens:>5}")
for call in session.snapshot.calls:
    print(f"{call.name} took {call.duration_ms:.0f} ms")

# %% [markdown]
# Four: one that calls and one that answers, each time. Both read the whole conversation, though much of it from the cache. And the user waits for both, and for your function in between.
#
# The descriptions cost, too: every response reads them, whether it calls or not.

# %%
for tools in ([], [get_weather], [get_weather, reminders.remind_me]):
    with RealtimeSession(settings=settings, tools=tools, options=SessionOptions(output_modality="text")) as typed:
        typed.start()
        typed.send_text("How are you today?")
        entry = typed.wait_for_answer(1).responses[-1]
        print(f"{len(tools)} tools: {entry.usage.input_tokens} tokens read")

# %% [markdown]
# Here the first tool alone more than doubled what a short question reads. Give a session the tools that it needs, and no others.
#
# ## Two calls at once
#
# > **Predict, then run.** You ask for two cities at once. How many *outputs* and how many requests for a *response* will we send: 1 and 1, 2 and 2, or 2 and 1?

# %% tags=["nbval-check-output"]
sent.clear()
now = say(session, user, "What is the weather in Paris and London?")
print()
for call in now.calls[-2:]:
    print(call.name, call.arguments, "->", call.state)
print(*sent, sep="\n")

# %% [markdown]
# 2 and 1. These are **parallel calls**: one response made both. They run at the same time, both outputs are sent, and *then* one reply is asked for. Who asks after each output gets two replies, or an error: a response was still active.
#
# Four different events tell of each finished call. The session acts on one of them, so that nothing is carried out twice.
#
# ## When tools fail
#
# A call without an output leaves the model waiting. So here **every** call ends with an output, whatever happens. Here are three that cannot go well.


# %% tags=["nbval-check-output"]
def read_meter(room: str) -> int:
    """Read the meter in a room.

    Args:
        room: Such as kitchen.
    """
    raise KeyError("password=hunter2")  # a bug, with something secret in it


def open_gate(place: str) -> str:
    """Open a gate at a place.

    Args:
        place: Such as garden.
    """
    raise ToolError("The gate is locked until 8 o'clock. Offer to open it then.")


@as_tool(timeout_s=0.3)
async def find_parcel() -> str:
    """Find the user's parcel."""
    await asyncio.sleep(60)


# a problem is expected: two of them
troubled = RealtimeSession(
    settings=settings,
    tools=[read_meter, open_gate, find_parcel],
    options=SessionOptions(output_modality="text"),
)
troubled.start()
questions = ["Read the meter in the kitchen.", "Open the gate at the garden.", "Find my parcel."]
for number, words in enumerate(questions, start=1):
    troubled.send_text(words)
    now = troubled.wait_for_answer(number)
    print("you:", words)
    print("bot:", now.turns[-1].assistant_text, "\n")

# %% [markdown]
# > **Predict, then run.** The first function raised an error with a password in its text. Who learns of it: nobody, you, or you and the model?

# %% tags=["nbval-check-output"]
for call in troubled.snapshot.calls:
    print(call.name, "->", call.state)
    print("  the model is told:", call.output)
    print("  for you:          ", call.problem)
troubled.stop()

# %% [markdown]
# You alone. What the model knows, it may say aloud, to anybody. So of an unexpected error it learns the *kind* and no more. What you raise as `ToolError` is meant for it, word for word.
#
# A tool that timed out may still have taken effect. Write tools that can safely be called again.
#
# ## Ask beside the conversation
#
# Sometimes *you* want to know something: is the caller annoyed, which product is this about, what should the next screen show? The user must not hear the answer, and it must not stay in the conversation. A response **out of band** does that. It reads the items that you list, and leaves nothing behind.

# %% tags=["nbval-check-output"]
say(session, user, "I live in Lisbon.")
item_ids = [item.id for item in session.snapshot.items]


def ask_beside(question, item_ids):
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    read = [{"type": "item_reference", "id": item_id} for item_id in item_ids]
    wanted = {"output_modalities": ["text"], "tool_choice": "none", "input": [*read, message]}  # words, and no calls
    response = session.ask_out_of_band(wanted).result(30)
    return " ".join(part["text"] for item in response["output"] for part in item["content"])


print("beside:", ask_beside("Where do I live?", item_ids))

# %% [markdown]
# > **Predict, then run.** The same question, but the list of items is empty: what will it answer? And how many items has the conversation now: as many as before, one more, or four more?

# %% tags=["nbval-check-output"]
print("beside:", ask_beside("Where do I live?", []))
print("new items:", len(session.snapshot.items) - len(item_ids))

# %%
with_items, without = session.snapshot.responses[-2:]
print(f"with the items:    {with_items.usage.input_tokens} tokens read")
print(f"without the items: {without.usage.input_tokens} tokens read")

# %% [markdown]
# Of the conversation it read only what you listed, and the conversation did not grow. It is not free, though. Even without items it reads your question and the instructions.
#
# `result(30)` waits up to 30 seconds. In a cell you may also write `await session.ask_out_of_band(...)`. Either way the user can go on talking. Summaries can be written this way, too: `RealtimeSession(summariser="out_of_band")`.

# %%
session.stop()

# %% [markdown]
# ---
#
# ## On your own
#
# A restaurant has tables for one to eight people. Write `book_table(people, day)` as a tool. It returns a confirmation that names the day. For 12 people, or for nobody, it tells the model what is wrong, **so that the model can offer something else**.
#
# The check calls it six times, with arguments as models write them. This is the list:

# %% tags=["nbval-check-output"]
for written in WRITTEN_CALLS:
    print(f"{written.about:<30} should end as {written.ending}")


# %% tags=["exercise"]
# solution begins
# stub: def book_table(people, day):
# stub:     return "Booked."  # for anybody, at any time
def book_table(people: int, day: str) -> str:
    """Book a table. It seats one to eight people.

    Args:
        people: How many will come.
        day: Day of the week.
    """
    if not 1 <= people <= 8:
        raise ToolError("A table seats 1 to 8 people. Offer a table for 8, or two tables.")
    return f"A table for {people} is booked on {day}."


# solution ends


# %% tags=["self-check"]
check_book_table(book_table)

# %% [markdown]
# <details><summary>Hint 1</summary>A tool needs a docstring, and type hints for its parameters: <code>people: int, day: str</code>. With them, arguments of the wrong kind are refused before your function is called.</details>
# <details><summary>Hint 2</summary><code>raise ToolError("...")</code> with words for the model: what is wrong, and what it can offer instead.</details>
# <details><summary>Hint 3</summary><code>if not 1 &lt;= people &lt;= 8: raise ToolError("A table seats 1 to 8 people. ...")</code>, and then return a sentence with <code>people</code> and <code>day</code> in it.</details>

# %% [markdown]
# ## Take-aways
#
# - A tool is a function with type hints and a docstring. The model asks, you carry it out.
# - One question with a call is two responses. Parallel calls share the second.
# - Every call ends with an output, also when it fails. `ToolError` speaks to the model, other errors only to you.
# - Out of band, the model reads what you list and leaves no trace.
#
# ## In practice
#
# - Ask before you do something that cannot be undone: let the tool return "Say yes to confirm", and have a second tool that does it.
# - A slow tool makes a long silence. Tell the model in its instructions to say first that it is looking something up.
# - Memory never separates a call from its output: a summary covers both, or neither.
#
# ## Further reading
#
# - [Tools](../docs/tools.md): types, threads, time-outs, and tools that you carry out yourself
# - [Limitations](../docs/limitations.md): what the simulator's rules cannot do
