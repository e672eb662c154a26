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
# # Read a conversation as events
#
# **Minutes:** 20 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Record one spoken turn, look at every event of it, and then speak to the server yourself, with OpenAI's own Python package and with a bare WebSocket.
#
# ### What you'll learn
#
# - which events matter, and what a program does with each
# - how items form a conversation, and where a new one goes
# - to find out which of your events an error is about
# - to read posts from 2024 and 2025, whose event names are gone
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again.
#
# An **event** is one JSON message on the line between you and the server. Everything you see in the other notebooks is made of them.
#
# ---

# %%
import json
from collections import Counter

from openai import AsyncOpenAI
from websockets import connect

from realtime_helpers import EventLog, RealtimeSession, SpeechSource
from realtime_helpers.course import choose_server
from realtime_helpers.course.events import INTERLEAVED, beta_table, check_transcripts, event_table, replay
from realtime_helpers.experiments.real_time import RealTimeServer
from realtime_helpers.plots import plot_timeline
from realtime_helpers.tracing import read_log

# %%
settings = choose_server("simulator", turns=2)  # or "openai", "azure": needs a key, and costs what it says

# %% [markdown]
# In this notebook we look at *when* things happen. So we start a simulator that takes its time: its pauses imitate recorded ones. (For a real service, or a simulator that your teacher runs, this starts nothing.)

# %%
server = RealTimeServer(settings)

# %% [markdown]
# ## Record a turn
#
# An `EventLog` writes every event to a file, both ways, one line each. It leaves out the sound and keeps its size. Keep one in your product: it is the first thing you will want when something goes wrong.
#
# > **Predict, then run.** One sentence, one answer. How many events will that be: 4, 20 or more than 100?

# %%
user = SpeechSource(realtime=True)  # like an open microphone: it never stops sending, silence included
with EventLog("one_turn.jsonl") as writer, RealtimeSession(settings=server.settings) as session:
    session.watch_events(writer)
    session.start(source=user)
    user.say("My dog is called Biscuit.")
    now = session.wait_for_answer(1)
assert not now.problems, now.problems

log = read_log("one_turn.jsonl")
print("you:", now.turns[0].user_text)
print("bot:", now.turns[0].assistant_text)
print(Counter(logged.direction for logged in log if logged.direction != "noted"))

# %% [markdown]
# ## Play it again
#
# Here is the turn once more, as the wire saw it, in its own rhythm. An arrow to the right is you, to the left the server. Sound is only counted. Watch where the long silence is, and what comes in one burst.

# %%
replay(log)

# %% [markdown]
# The burst at the end is the bot's speech. It comes much faster than anybody can talk, so *done* does not mean *heard*. Notebook 05 is about that.
#
# The same as a picture. Each tick is an event.

# %%
plot_timeline(log)

# %% [markdown]
# ## What to do with each
#
# This table is made of the events that just came, in the order of their first appearance.

# %%
event_table(log)

# %% [markdown]
# Many types. But a small voice client needs only a handful: play `response.output_audio.delta`, stop playing at `input_audio_buffer.speech_started`, read `response.done`, and never ignore `error`.
#
# One reply always comes wrapped in the same way. Repetitions left out:

# %% tags=["nbval-check-output"]
types = [logged.type for logged in log]
reply = [kind for kind in types[types.index("response.created") :] if "input_audio" not in kind]
for kind in dict.fromkeys(kind for kind in reply if kind.startswith(("response.", "conversation."))):
    print(kind)

# %% [markdown]
# Read it from both ends towards the middle: a *response* holds an *output item*, the item holds a *content part*, and the part holds the words and the sound.
#
# The words of *your* turn were left out here, because they have no place in this order. They come from another model, in their own time: before the reply, in the middle of it, or after it. So go by `item_id`, never by what came last. That will be your exercise.

# %% [markdown]
# ## Speak to the server yourself
#
# No helper of ours from here on. `openai` is OpenAI's own package, unchanged. Only the address differs.
#
# We put three typed items into a conversation. Each gets an id of our own, and `previous_item_id` says after which item it goes. Then we send something wrong on purpose.
#
# > **Predict, then run.** The third item is sent last, with `previous_item_id="root"`. Where will it stand: first, last, or will it be refused? And will the line survive our mistake?

# %%
there = server.settings
client = AsyncOpenAI(base_url=there.base_url, api_key=there.api_key, default_headers=there.headers)


def message(item_id, role, text):
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "id": item_id, "role": role, "content": content}


received = []
async with client.realtime.connect(model=there.model) as line:
    await line.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    await line.conversation.item.create(item=message("dog", "user", "My dog is called Biscuit."))
    await line.conversation.item.create(item=message("home", "user", "I live in Lisbon."), previous_item_id="dog")
    await line.conversation.item.create(
        item=message("note", "system", "The user is new here."), previous_item_id="root"
    )
    await line.conversation.item.delete(item_id="cat", event_id="my-mistake-1")  # there is no such item
    await line.response.create()
    async for event in line:
        received.append(event)
        if event.type == "response.done":
            break

# %% tags=["nbval-check-output"]
order = []
for event in received:
    if event.type == "conversation.item.added":
        where = order.index(event.previous_item_id) + 1 if event.previous_item_id in order else 0
        name = event.item.id if event.item.id in {"dog", "home", "note"} else "the reply"
        order.insert(where, event.item.id)
        print(f"{name:>9} comes at place {where}")

print([item_id if len(item_id) < 9 else "the reply" for item_id in order])

# %% [markdown]
# An item goes behind the one it names. `root`, which the server echoes as `null`, is the very beginning. That is how a summary gets in front of everything in notebook 06. A client that ignores `previous_item_id` has another order than the server, and does not notice.
#
# ## Find the culprit
#
# The error came back in the middle of everything else, and the line went on. Events overtake each other, so how do you know which of yours was wrong? By its `event_id`: ours was `my-mistake-1`.

# %% tags=["nbval-check-output"]
error = next(event for event in received if event.type == "error").error
print("code:   ", error.code)
print("message:", error.message)
print("your event:", error.event_id)
print("and the reply still came:", received[-1].response.status)

# %% [markdown]
# Give every event that changes something an `event_id`. Without one the server cannot name it, and `event_id` in the error is null.
#
# ## Meet an event nobody told you about
#
# The API grows. Tomorrow the server may send a type that no package knows yet. A good client keeps it and goes on. So does the SDK:

# %% tags=["nbval-check-output"]
stranger = line.parse_event(json.dumps({"type": "response.pondered", "event_id": "event_1", "depth": 3}))
print(stranger.type, stranger.to_dict())

# %% [markdown]
# ## Read an old post
#
# Much of what you will find on the web is from the *beta* of 2024 and 2025. Since then the API has its final form, called GA ("general availability"). Old code tells the server that it is old, by a header. The next cell does so, on a WebSocket without any package around the protocol.
#
# > **Predict, then run.** Will an old client be served, be told what is wrong, or wait for ever?

# %% tags=["nbval-check-output"]
address = f"{there.base_url.replace('http', 'ws', 1)}/realtime?model={there.model}"
key = {"Authorization": f"Bearer {there.api_key}", **there.headers}
async with connect(address, additional_headers={**key, "OpenAI-Beta": "realtime=v1"}) as old:
    answer = json.loads(await old.recv())
    await old.wait_closed()
print(answer["type"], answer["error"]["code"])
print("closed with", old.close_code, old.close_reason)

# %% [markdown]
# It is told, and the line is closed. It is worse for code that drops the header and keeps the old names: it waits for events that never come. When you meet one of these names, translate:

# %% tags=["nbval-check-output"]
old_names = beta_table()
came = {logged.type for logged in log}
print("old names among the events of your turn:", [old for old, _ in old_names.rows if old in came])
old_names

# %%
await client.close()
server.stop()

# %% [markdown]
# ---
#
# ## On your own
#
# Write a **reducer**: a function that turns a list of events into something you can show. Yours collects the words of each item, in a dict from `item_id` to its words.
#
# Its material is a recording of the simulator: the user goes on speaking while the bot still tells a story, so the words of both come mixed. Here is a piece from its middle:

# %% tags=["nbval-check-output"]
for event in INTERLEAVED[32:42]:
    print(event["type"], event.get("item_id"), repr(event.get("delta") or event.get("transcript")))

# %% [markdown]
# Two families of events carry words:
#
# | | pieces, in `delta` | the whole, in `transcript` |
# |---|---|---|
# | the user | `conversation.item.input_audio_transcription.delta` | `….completed` |
# | the bot | `response.output_audio_transcript.delta` | `….done` |
#
# The check looks at three things: that each item has its own words, that they are there while a reply still grows, and that an unknown event does no harm.


# %% tags=["exercise"]
def collect(events):
    """The words of each item by its id."""
    words = {}
    # solution begins
    # stub: for event in events:
    # stub:     if event["type"] == "response.output_audio_transcript.delta":
    # stub:         pass  # <- keep event["delta"] under event["item_id"], and go on from here
    for event in events:
        kind = event["type"]
        if not kind.startswith(("conversation.item.input_audio_transcription.", "response.output_audio_transcript.")):
            continue
        if kind.endswith(".delta"):
            words[event["item_id"]] = words.get(event["item_id"], "") + event["delta"]
        elif kind.endswith((".completed", ".done")):
            words[event["item_id"]] = event["transcript"]
    # solution ends
    return words


# %% tags=["self-check"]
check_transcripts(collect)

# %% [markdown]
# <details><summary>Hint 1</summary>Begin with the bot alone: for each <code>response.output_audio_transcript.delta</code>, add <code>event["delta"]</code> to what you have under <code>event["item_id"]</code>.</details>
#
# <details><summary>Hint 2</summary>The events that hold the whole text come after the pieces. They <i>replace</i> what you have; if you add them, everything is there twice.</details>
#
# <details><summary>Hint 3</summary><code>words[event["item_id"]] = words.get(event["item_id"], "") + event["delta"]</code> for the two kinds of pieces. For the two whole ones a plain assignment, and nothing at all for every other type.</details>

# %% [markdown]
# ## Take-aways
#
# - A turn is a fixed frame of events around many small ones. A handful of types is enough for a client.
# - Words and replies overtake each other. Sort by `item_id`, and by `previous_item_id` for the order.
# - An `error` is news, not the end. Send an `event_id`, and it tells you which of your events it is about.
#
# ## In practice
#
# - `EventLog` holds words, so treat its files like a recording of the talk. It never holds keys or sound.
# - Some errors do end it: a wrong key, an unknown model, an hour that is over. These close the line.
# - `session.watch_events(function)` gives you every event of a running session. It is called on the session's own loop, so return at once.
# - `RealtimeSession` has a reducer like yours inside, with all the corners: `realtime_helpers/conversation/reducer.py`.
#
# ## Further reading
#
# - [What the simulator sends, event by event](../docs/simulator.md), with what is exact and what is imitated.
# - [What ends a session, and what does not](../docs/troubleshooting.md).
# - [OpenAI: Realtime server events](https://platform.openai.com/docs/api-reference/realtime-server-events), the official list.
