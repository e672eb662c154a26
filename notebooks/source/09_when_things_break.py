# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 15
#     teaching: 15
# ---

# %% [markdown]
# # Break things, and see who keeps the conversation
#
# **Minutes:** 15 to read and run, 15 for the exercise.
#
# ### What you'll do
#
# Switch on mistakes that real clients make, one at a time. Watch a naive client lose what you said, and watch what a careful one does instead. Then cut the line of a live conversation, and mend a piece of naive code.
#
# ### What you'll learn
#
# - which small mistakes lose whole turns, and why nobody notices at first
# - what comes back after a lost connection, and what does not
# - to wait for the server's word before you delete anything
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again.
#
# Everything runs against the simulator, which can fail on purpose. There is no switch to a real service here: nobody can order a fault from one.
#
# ---

# %% [markdown]
# ## Two clients, one difficulty
#
# Each *scenario* below is played twice on the same simulator, with the same words and the same fault:
#
# - to the **naive** client. It follows the design of a well-known notebook: keep a list of turns, have the old ones summarised, insert the summary, delete the old ones, hope.
# - to **ours**, the session that you know from this course.
#
# A *referee* looks at what stands on the server in the end, and at what the user really said. It asks neither client for its opinion. Its verdicts are `ok`, `lost N turns`, `drifts` (client and server believe in different conversations) and `hangs` (no answer or no summary comes any more).
#
# The naive client is no straw man. On a good day it works.

# %%
from realtime_helpers import RealtimeSession, Settings, SilentSink, SpeechSource, SummaryPolicy, lost_items
from realtime_helpers.course import say
from realtime_helpers.course.faults import check_deletes, record
from realtime_helpers.experiments.faulty_simulator import simulator_with
from realtime_helpers.experiments.scenarios import SCENARIOS
from realtime_helpers.widgets.fault_lab import FaultLab

# %% [markdown]
# ## The fault lab
#
# Choose one of the scenarios and press **Play**. The table shows both courses side by side, moment by moment. Seconds are virtual: a minute of waiting takes no time. The cells below press the button for you, so that the notebook also runs with nobody in front of it.

# %%
lab = FaultLab()
lab

# %% [markdown]
# ### Nobody tells the words
#
# The model hears the user's audio. The *words* come later and from another model, as a transcript. In this scenario they never come.
#
# > **Predict, then run.** A summary is made of words. What will the naive client do with turns that have none: wait, keep them, or delete them?

# %% tags=["nbval-check-output"]
lab.choose("scenario", "deaf")
lab.press("Play")
print(lab.wait())

# %% [markdown]
# It deleted them. Turns without words were left out of the summary, and then deleted *with the rest*. Here is the moment in which it happened:

# %% tags=["nbval-check-output"]
for moment in lab.result.naive.timeline[12:20]:
    print(f"{moment.at_s:>2.0f} s  {moment.who} | {moment.what}")

# %% [markdown]
# The summary tells what the assistant said. Not one word of the user is in it.
#
# Now ours. It waited. When no words came, it asked the model itself, beside the conversation, to write down what it had heard. Only then did it have the summary written:

# %% tags=["nbval-check-output"]
for moment in lab.result.ours.timeline[14:21]:
    print(f"{moment.at_s:>2.0f} s  {moment.who} | {moment.what}")

# %% [markdown]
# ### Sent is not done
#
# > **Predict, then run.** The server refuses the summary item. The naive client sends the insert and the deletes in one go. What is left of the old turns: all of them, their summary, or nothing?

# %% tags=["nbval-check-output"]
lab.choose("scenario", "refused-insert")
lab.press("Play")
print(lab.wait())

# %% [markdown]
# The insert failed, the deletes did not. A request that was *sent* has not been *done*: the server acknowledges every edit with an event, or answers with an `error`. You will mend exactly this in the exercise.
#
# ### Nothing to summarise
#
# > **Predict, then run.** The only old turn has no words yet, so there is nothing to summarise. What should a client do then? What does a client do that forgot the `return`?

# %% tags=["nbval-check-output"]
lab.choose("scenario", "nothing-to-summarise")
lab.press("Play")
print(lab.wait())

# %% [markdown]
# After "nothing to summarise" comes a `return`. Without it, an empty summary goes in and the old turn goes out.
#
# ### While you wait, the world goes on
#
# > **Predict, then run.** The summary takes eight seconds, and the user talks on. The naive client cut its list in two before it waited. What will it believe of the server's conversation afterwards: that it is longer than it is, shorter, or just right?

# %% tags=["nbval-check-output"]
lab.choose("scenario", "turn-during-summary")
lab.press("Play")
print(lab.wait())

# %% [markdown]
# It *drifts*. The server has two items that the client no longer knows. They will be in every request, they will be paid for, and no summary will ever take them out. Nothing crashed, and no log shows it.
#
# What was copied before an `await` is old after it.
#
# ## Your turn with the lab
#
# There are more. Go back to the panel and play those that you believe your own client would get wrong.

# %% tags=["nbval-check-output"]
for number, case in enumerate(SCENARIOS, start=1):
    print(f"{number:>2}. {case.name:<24} naive: {case.naive}")

# %% [markdown]
# Some say `ok` for the naive client as well. The referee judges only what was lost, and not what it cost or how it sounded.
#
# The lab keeps a voice and a pair of ears running, as programs of their own. The next cell ends them; the panel stays, and **Play** starts them again.

# %%
lab.stop()

# %% [markdown]
# ## Cut the line of a live session
#
# Now without virtual time: a real session, over a real socket, to a simulator that cuts the line in the middle of a reply.
#
# > **Predict, then run.** The line is cut while the bot answers the second turn. Will it still know the dog of the first?

# %% tags=["nbval-check-output"]
user = SpeechSource()
memory = SummaryPolicy(trigger_tokens=2_000, keep_turns=2)
with (
    simulator_with("dropped-line") as url,
    RealtimeSession(settings=Settings.from_environment(simulator_url=url), memory=memory) as session,
):
    session.start(source=user, sink=SilentSink())
    say(session, user, "My dog is called Biscuit.")
    say(session, user, "I live in Lisbon.")
    end = say(session, user, "What is my dog called?")

# %% [markdown]
# Look at the second answer. It begins twice: the first beginning was cut off with the line, then the answer was asked for again on the new one.
#
# A new connection is a new, *empty* session. It knows neither your settings nor a single turn. So the client has to keep what was said, and put it back. The account of that:

# %% tags=["nbval-check-output"]
for back in end.restorations:
    print(f"came back as words in a memory item: {back.words} turn")
    print(f"came back as an item of its own:     {back.items} turn, with half an answer")
    print(f"lost:                                {back.lost} turns")
print("neither on the server nor in a memory item:", len(lost_items(end.turns, end.items, end.summaries)))

# %% tags=["nbval-check-output"]
for item in end.items[:3]:
    print(f"{item.role}: {item.text!r}")

# %% [markdown]
# What did *not* come back:
#
# - the **sound** of the old turns. Their words stand in a memory item; tone and laughter are gone.
# - the **rest of the reply** that was cut. The answer was made anew, and a model may say something else the second time.
# - the **cache**: the conversation begins with a memory item now, so it is new to the cache from there on.
# - the **usage** of the reply that was cut. It comes with `response.done`, which never came. Our account does not hold it; a provider's may:

# %% tags=["nbval-check-output"]
# each turn that came back as words holds a reply, too
begun = sum(item.role == "assistant" for item in end.items) + end.restorations[0].words
print(f"replies that were begun: {begun}, replies in our account: {len(end.responses)}")

# %% [markdown]
# ---
#
# ## On your own
#
# Here is the naive piece of code that lost two turns above:
#
# ```python
# await send(create_item(summary))
# for item_id in old_ids:
#     await send(delete_item(item_id))
# ```
#
# Write its careful twin as a *pure* function: no sockets, no waiting. It is asked after every event of the server, and says which of the old items to ask to delete *now*.
#
# - `received`: all events since the insert was sent, oldest first; each is a dictionary with a `type`.
# - `summary_id`, `old_ids`: as sent.
#
# Two recordings wait for it. In one, the server refuses the summary. In the other, it refuses to delete one item.

# %% tags=["nbval-check-output"]
recordings = record()
for recording in recordings:
    print(recording.scenario)
    for event in recording.received[:5]:
        print("   ", event["type"], event.get("item_id") or event.get("item", {}).get("id", ""))


# %% tags=["exercise"]
def ids_to_delete(received, summary_id, old_ids):
    # solution begins
    # stub: return old_ids  # naive: at once, all of them, whatever the server says
    added = {event["item"]["id"] for event in received if event["type"] == "conversation.item.added"}
    deleted = {event["item_id"] for event in received if event["type"] == "conversation.item.deleted"}
    if summary_id not in added:
        return []
    return [item_id for item_id in old_ids if item_id not in deleted]
    # solution ends


# %% [markdown]
# The check asks your function before the first event and after every one of them. It wants nothing deleted before the server has confirmed the summary, and then every old item that has not been confirmed as deleted.

# %% tags=["self-check"]
check_deletes(ids_to_delete, recordings)

# %% [markdown]
# <details><summary>Hint 1</summary>Which event tells that an item is now in the conversation? Look at the recordings above: it is there for <code>refused-delete</code> and missing for <code>refused-insert</code>.</details>
# <details><summary>Hint 2</summary>Collect the ids that were added: <code>{event["item"]["id"] for event in received if event["type"] == "conversation.item.added"}</code>. While <code>summary_id</code> is not among them, return an empty list.</details>
# <details><summary>Hint 3</summary>Collect the ids that are gone in the same way: <code>event["item_id"]</code> of every <code>"conversation.item.deleted"</code>. Return the old ids that are not among them, so that a refused delete is asked for again.</details>

# %% [markdown]
# ## Take-aways
#
# - Sent is not done. Wait for `conversation.item.added` before you delete, and for each `conversation.item.deleted`.
# - A turn without words is not an empty turn. Keep it until somebody knows what was said.
# - After an `await`, look again: the conversation has gone on.
# - A new connection knows nothing. What was said must live on your side too.
#
# ## In practice
#
# - `session.snapshot.problems` says what went wrong without ending the session. Put it into your logs.
# - The simulator's faults work with any client: `realtime-workshop serve --scenario late-transcripts`, then point your own program at it.
# - Tell people that the line was lost. A bot that goes silent for a second and says nothing seems broken; one word is enough.
# - The function of the exercise asks again after *every* event. A real client asks once and repeats when an `error` names its request.
#
# ## Further reading
#
# - [`docs/scenarios.md`](../docs/scenarios.md): all scenarios, the referee, and the mistakes by number
# - [`docs/faults.md`](../docs/faults.md): faults of your own, in a few lines of TOML
# - [`docs/invariant.md`](../docs/invariant.md): how it is tested that no turn is lost
