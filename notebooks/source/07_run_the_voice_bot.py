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
# # Run the voice bot
#
# **Minutes:** 15 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Run a whole voice bot from one dashboard. You start it, talk with it, turn its dials while it runs, and play a conversation of sixty turns fast.
#
# ### What you'll learn
#
# - to read a running conversation: who said what, what the model reads, what it costs, what is slow
# - to move the threshold of the summaries while the bot runs, and to take a summary back
# - to wire a control of your own to a session
#
# ### What you'll need
#
# The idea of notebook 06: when the conversation grows past a *trigger*, old turns are summarised and replaced inside the live conversation. No key and no microphone: a **simulator** on this machine plays the service, and a scripted person speaks. With a microphone, you can take that person's place.
#
# If the first cell says `No module named 'realtime_helpers'`: run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again.
#
# ---

# %%
from dataclasses import replace

from realtime_helpers import RealtimeSession, SummaryPolicy, lost_items
from realtime_helpers.course import choose_server, progress, say
from realtime_helpers.course.wiring import check_slider
from realtime_helpers.widgets import Dashboard

# %%
settings = choose_server("simulator", turns=66)  # or "openai", or "azure": sixty of these turns are the long talk below

# %% [markdown]
# ## One page for everything
#
# The next cell makes a session and shows it. Nothing runs yet: a panel only looks at a session, and its buttons call the same methods that you called in notebooks 00 to 06.
#
# | Panel | The question it answers |
# |---|---|
# | Control | What is the bot doing, and how do I change that? |
# | Transcript | Who said what, what was never heard, and what does the summary stand for? |
# | Window gauge | How much does the model read for each reply, and what does that cost? |
# | Inspector (press *Show the inspector*) | What does the *server* hold, and which events passed? |
# | Latency strip | How long until the first sound? |
# | Level meters | Does sound come in and go out? |
#
# Each panel has a sentence that says the same in words. Code can read it, and so can a screen reader.
#
# In JupyterLab, right-click the dashboard and choose *Create New View for Output*. Put that view beside the notebook: you can watch it while you read on.

# %%
session = RealtimeSession(settings=settings, memory=SummaryPolicy(trigger_tokens=4_000, keep_turns=2))
dashboard = Dashboard(session)
dashboard

# %% [markdown]
# ## Start
#
# Choose *a scripted person* as the source and press **Start**. Or run the next cell, which does both for you: `choose`, `press` and `set` go through the same handlers as your mouse.

# %%
control = dashboard.control
control.choose("source", "a scripted person")
control.press("Start")
user = control.source

# %% tags=["nbval-check-output"]
say(session, user, "My dog is called Biscuit.")
say(session, user, "Tell me a long story.")
say(session, user, "Tell me one more short story, please.")
now = say(session, user, "How are you today?")

# %%
print(control.sentence)
print(dashboard.transcript.sentence)
print(dashboard.gauge.sentence)

# %% [markdown]
# ## Move the threshold
#
# The trigger stands at 4,000 tokens, far away. The window (what the model read for its latest reply) is less than half of that.
#
# > **Predict, then run.** You move *trigger tokens* down to 800, below the window, while the bot waits for your next word. What happens? Nothing until you speak again? A summary at once? Or does the session have to start again?

# %% tags=["nbval-check-output"]
control.set("trigger tokens", 800)
now = session.wait_for(lambda now: now.summaries and not now.is_summarising)
print(now.summaries[0].text)

# %% [markdown]
# At once, and without a word from you. The dial changed the session's policy, and the new policy found a summary due. Look at the transcript: the old turns are folded under their summary. Open the fold to read what it covers.
#
# The bot still knows what was folded away:

# %% tags=["nbval-check-output"]
now = say(session, user, "What is my dog called?")

# %% [markdown]
# The gauge measures what the latest reply has read, so the fall shows with this reply:

# %%
print(dashboard.gauge.sentence)

# %% [markdown]
# ## Take it back
#
# A summary is not the end of anything. The originals are kept on your side, so **Undo summary** can put their words back, as text. (Not the sound: the server cannot be given the bot's own voice again.) The first line moves the trigger out of the way again. It is what the dial does when you move it.
#
# > **Predict, then run.** After the undo, is the window as large as before the summary? Larger? Smaller?

# %%
before = now.summaries[0].window_before
session.set_memory(replace(session.snapshot.memory, trigger_tokens=4_000))
control.press("Undo summary")
session.wait_for(lambda now: now.summaries[-1].occasion == "undone" and not now.is_summarising)
now = say(session, user, "Tell me a joke.")
print(f"before the summary: {before} tokens; after the undo: {now.window_tokens}")
print(dashboard.gauge.sentence)

# %% [markdown]
# Smaller: the same words take fewer tokens as text than as sound. What an undo brought back stays, until you press **Summarise now**.
#
# ## Stop
#
# **Stop** closes the connection and lets go of the microphone. **Start** after that begins a new conversation with the dials as they stand.

# %% tags=["nbval-check-output"]
control.press("Stop")
now = session.wait_for(lambda now: now.state.value == "stopped")
print("the session has", now.state.value)
print("lost:", len(lost_items(now.turns, now.items, now.summaries)))

# %% [markdown]
# ## Your turn to talk
#
# With a microphone: choose **this browser** as source and as sink, press **Start**, and allow the microphone when the browser asks. Ask for a story and interrupt it. The part that you did not hear is marked in the transcript. Press **Stop** before you go on.
#
# Without one, read on: nothing below needs it.

# %% [markdown]
# ## A long conversation, fast
#
# Sixty turns, played as fast as the simulator answers. The person types, which is quicker; the replies are spoken, and their sound fills the window as it would on a long phone call. Watch the gauge while it runs: one bar for each reply.
#
# > **Predict, then run.** The trigger is 1,500 tokens. How large will the window be at its largest: about 1,500, about 2,000, or about 6,000? And how many summaries will there be: 1, about 5, or one for every turn after the first summary?

# %%
control.set("trigger tokens", 1_500)
control.set("keep turns", 2)
control.press("Start")
words = ["Tell me a quick story.", "My name is Ada.", "Tell me a joke.", "I live in Lisbon.", "How are you today?"]
for number in progress(range(60), "turns"):
    session.send_text(words[number % len(words)])
    session.wait_for_answer(number + 1)
now = session.wait_for(lambda now: not now.is_summarising)

# %% tags=["nbval-check-output"]
largest = max(reply.conversation_tokens for reply in now.responses)
said = sum(reply.usage.output_tokens for reply in now.responses)
print(f"{len(now.turns)} turns, {len(now.summaries)} summaries")
print(f"tokens that the bot said: {said}; the largest window: {largest}")
print("lost:", len(lost_items(now.turns, now.items, now.summaries)))

# %%
for panel in (dashboard.gauge, dashboard.transcript, dashboard.latency):
    print(panel.sentence)

# %% [markdown]
# The window goes a little past the trigger, because the reply that crosses it has been read already. Then it falls, and climbs again. However long you talk, it stays in that band: that is the whole idea of this course.
#
# And nothing was lost. `lost_items` looks for anything said that is neither on the server nor behind a summary.
#
# The answers come from the simulator's rules, and its latencies say nothing about the real service. The token counts are estimates by the published rates.

# %% tags=["nbval-check-output"]
control.press("Stop")
print("the session has", session.wait_for(lambda now: now.state.value == "stopped").state.value)

# %% [markdown]
# ---
#
# ## On your own
#
# The dashboard's slider is not magic. Wire one yourself.
#
# Below are a session of your own, with a trigger of 5,000 tokens and three turns to keep, and a plain slider of `ipywidgets`. When the slider moves, `on_move` is called with a `change`; the new number is `change["new"]`. Write its body, so that the slider moves the session's trigger **and changes nothing else**.
#
# > **Predict, then run.** The check moves your slider from 5,000 to 300 in the middle of a talk whose window holds more than that. When will the summary come: with the next turn, or before it?

# %% tags=["exercise"]
own = RealtimeSession(memory=SummaryPolicy(trigger_tokens=5_000, keep_turns=3))
from ipywidgets import IntSlider

slider = IntSlider(description="my trigger", min=100, max=5_000, step=100, value=5_000)


def on_move(change):
    """The slider was moved to change["new"] tokens."""
    # solution begins
    # stub: # your line
    own.set_memory(replace(own.snapshot.memory, trigger_tokens=change["new"]))
    # solution ends


slider.observe(on_move, names="value")
slider

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A session has a method that gives it another policy while it runs. You saw it in notebook 06: `set_memory`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The policy in force is `own.snapshot.memory`. A policy never changes; you make a new one out of it. `replace` is imported in the first cell.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `replace(policy, trigger_tokens=700)` is the same policy with another trigger. Put `change["new"]` in the place of 700, and hand the result to `own.set_memory(...)`.
#
# </details>

# %% tags=["self-check"]
check_slider(own, slider)  # the self-check: it says what it found

# %% [markdown]
# The check holds five typed turns, moves the slider, and compares the session's policy before and after. It does not read what the bot said.
#
# **Why one line is enough.** A handler of a widget may run on another thread than your cells: which one depends on the version of Jupyter's kernel, and can change from click to click. Every method of a session may be called from any thread and returns at once, so a handler that only calls one of them is right in all of them. A handler that waits is not: the buttons are dead meanwhile.
#
# ## Take-aways
#
# - Panels look at a session, controls call its methods. Nothing lives in the page, so a reload loses nothing.
# - A dial acts on the running session. Below the window, the trigger summarises at once.
# - With summaries the window stays in a band, however long the conversation gets, and every turn is on the server or behind a summary.
#
# ## In practice
#
# - A product needs no dashboard, but its operators need these figures: window, cost an hour, time to first sound, problems. `session.watch(...)` hands you each change.
# - Leave people a way to type and a sentence to read. Not everybody can hear a bot, or speak in the room they are in.
# - Choose the trigger for your price and your cache: notebook 08 shows when a summary pays.
#
# ## Further reading
#
# - [`docs/memory.md`](../docs/memory.md): triggers, kept turns, undo, lost lines
# - [`docs/browser_audio.md`](../docs/browser_audio.md): the microphone of the browser, and where it is refused
# - [ipywidgets: events](https://ipywidgets.readthedocs.io/en/stable/examples/Widget%20Events.html): `observe`, and what a `change` holds
