# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 5
#     teaching: 15
# ---

# %% [markdown]
# # Check your room
#
# **Minutes:** 15 to read and run, 5 for the exercise.
#
# ### What you'll do
#
# Find out what works on this machine, hold your first spoken turn with a voice bot, and leave everything as you found it.
#
# ### What you'll learn
#
# - to read the doctor's report, and to repair what it names
# - to start and stop a `RealtimeSession`, also when a cell fails
# - to listen to what was said
# - to see which models of this API will be switched off, and what outlives them
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again. No key, no microphone and no loudspeaker are needed.
#
# ---

# %%
from IPython.display import Audio

from realtime_helpers import RealtimeSession, SilentSink, SpeechSource, StereoRecorder, WorkshopError
from realtime_helpers.course import choose_server, say
from realtime_helpers.course.room import billing, check_ask_once, shutdowns
from realtime_helpers.doctor import show

# %% [markdown]
# ## Ask the doctor
#
# The doctor tries everything that the course uses. It takes a few seconds.

# %%
show()

# %% [markdown]
# `[ OK ]` works. `[ -- ]` does not work here, and the course runs without it. `[ FIX ]` is needed: do what stands under *next step*, then run the cell again.
#
# A cell that fails in this course says so in two lines: what happened, and what to do.
#
# ## Choose whom to talk to
#
# The whole course talks to a **simulator**: a server on this machine that speaks the same protocol as the OpenAI Realtime API. It hears real speech and speaks real speech. It is *not* a language model: it answers by simple rules. Its counts of **tokens**, the units that models read and bill, are estimates.
#
# One cell in each notebook switches to the real service. It tells the price first.

# %% tags=["nbval-check-output"]
settings = choose_server("simulator", turns=3)  # or "openai", "azure": those need a key, and cost money

# %% [markdown]
# ## Say your first words
#
# - A **session** is one conversation with the server. `start` connects in the background and returns at once, so your notebook stays free.
# - The **source** is where the user's sound comes from. Here `user` is somebody made of software, who says what you write.
# - The **sink** is where the bot's voice goes. This one is silent. The recorder keeps both sides, so that you can listen afterwards.
#
# On your laptop you may speak yourself: `session.start(source=microphone(), sink=speaker())`.

# %% tags=["nbval-check-output"]
user = SpeechSource()
recorder = StereoRecorder()
session = RealtimeSession(settings=settings)
print("before start:", session.snapshot.state.value)

# %% tags=["nbval-check-output"]
session.start(source=recorder.user(user), sink=recorder.assistant(SilentSink()))
now = say(session, user, "Tell me a quick story.")
print("now:", now.state.value)

# %% [markdown]
# The words after **you** are not the words in the cell. They are what the server *heard*: it turned your sound into text again.
#
# Run the cell a second time, if you like: a session that runs already is not started twice, and says so.
#
# `session.snapshot` is how the session stands at one moment. You can look at it at any time, and nothing you do with it disturbs the talk.
#
# One more turn, so that there is something to listen to:

# %% tags=["nbval-check-output"]
now = say(session, user, "How are you today?")
print("turns so far:", len(now.turns))

# %% [markdown]
# ## Stop
#
# > **Predict, then run.** After `stop`, how many of the 2 turns can you still read: 0, 1 or 2? And what happens to words that you send then?

# %% tags=["nbval-check-output"]
session.stop()
print(session.snapshot.state.value, "after", len(session.snapshot.turns), "turns")
try:
    session.send_text("Are you still there?")
except WorkshopError as error:
    print(error)

# %% [markdown]
# `stop` waits until the connection is closed and microphone and speaker are let go. On the server nothing is left of the talk. On your side everything that was said stays in the snapshot. Stopping twice does no harm.
#
# ## When a cell fails
#
# > **Predict, then run.** The next cell fails in the middle of a talk. Is the connection still open afterwards? **a)** Yes, until the kernel restarts. **b)** For 60 minutes. **c)** No.

# %% tags=["nbval-check-output"]
try:
    with RealtimeSession(settings=settings) as other:
        other.start(source=user)
        other.wait_for(lambda now: now.state.value == "listening")
        raise ValueError("something that has nothing to do with the talk")
except ValueError as error:
    print("failed:", error)
print("the session is", other.snapshot.state.value)

# %% [markdown]
# **c)**, because of `with`: it stops the session however the block ends. Without `with` it would be **a)** or **b)**, whichever comes first: a session of the real service ends after 60 minutes. Until then it hears and answers whoever speaks in the room, and that is billed.
#
# So: `with` in scripts. In a notebook, where a talk goes over many cells, a cell with `session.stop()` that you can run at any time.

# %% [markdown]
# ## Listen
#
# > **Predict, then run.** You said nine words, the bot many more. How long is the recording: about 5, 20 or 60 seconds?

# %%
recorder.save("check_your_room.wav")
print(f"{recorder.duration_s:.0f} seconds: you on the left, the bot on the right")
Audio(url="check_your_room.wav")

# %% [markdown]
# ## Where this API stands at the end of 2026
#
# What follows are facts with a date. They were read in October 2026 and will age.
#
# - The Realtime API is *generally available* (GA). Its **beta** was switched off on 2026-05-12. Posts and videos from before then often use event names that no longer work; notebook 03 has a table of them.
# - Models have an end, too. These are the dates in our tables:

# %% tags=["nbval-check-output"]
shutdowns()

# %% [markdown]
# The course uses `gpt-realtime-2.1-mini`, which has no date. The model is a parameter everywhere: `choose_server("openai", turns=3, model=...)`.
#
# There is also a second voice API, **GPT-Live**. What we know of it, as of October 2026:
#
# | | |
# |---|---|
# | documented | It has addresses of its own (`/v1/live/…`) and event names of its own. Voice is billed by the **minute**: $0.05. |
# | not known to us | How much it remembers, what happens when that is full, whether its history can be edited. |
#
# > **Predict, then run.** The Realtime API bills tokens, and each answer reads the whole talk again. A talk of 5 minutes costs less by tokens than by the minute. Is that still so at 15 minutes? At 60?

# %% tags=["nbval-check-output"]
billing()

# %% [markdown]
# By tokens, a long talk costs more *per minute* than a short one. By the minute, it does not. So a good part of the *cost* reason to summarise would go away on GPT-Live.
#
# The other reason stays: a model reads a window of limited size, and what is not in it is forgotten. We guess that holds there, too. That is why this course teaches three steps and not one vendor's setting:
#
# 1. **Trigger**: notice in time that memory fills up.
# 2. **Keep**: decide what stays word for word.
# 3. **Splice**: put a summary in the place of the rest, and lose nothing if that fails half-way.
#
# The first two need only a count and a list of turns. The third needs a way to edit a conversation, or to begin a new one with a text.

# %% [markdown]
# ---
#
# ## On your own
#
# Write `ask_once`: it starts the session, says the words, waits for the answer, and returns **what the bot said**. Afterwards nothing may be left running, also when something fails in between.
#
# The check calls your function twice: once with a user who speaks, once with one who cannot.


# %% tags=["exercise"]
def ask_once(session, user, words):
    # solution begins
    # stub: ...  # start, say, wait, and return what the bot said
    with session:
        session.start(source=user)
        user.say(words)
        return session.wait_for_answer(1).turns[-1].assistant_text
    # solution ends


# %% tags=["self-check"]
check_ask_once(ask_once)

# %% [markdown]
# <details><summary>Hint 1</summary>You need four things that you have seen above: <code>session.start(source=...)</code>, <code>user.say(...)</code>, <code>session.wait_for_answer(1)</code>, and something that stops.</details>
# <details><summary>Hint 2</summary><code>wait_for_answer</code> returns a snapshot. The bot's words are in <code>.turns[-1].assistant_text</code>.</details>
# <details><summary>Hint 3</summary>Put everything, the <code>return</code> too, into <code>with session:</code>. It stops the session however the block is left.</details>

# %% [markdown]
# ## Take-aways
#
# - `start` returns at once, `stop` waits until everything is let go, `with` stops for you.
# - After `stop`, what was said is still there to be read. The conversation on the server is gone.
# - Models end, and prices change. Trigger, keep and splice do not depend on them.
#
# ## In practice
#
# - The doctor runs in a terminal, too: `realtime-workshop doctor`.
# - Where notebook and microphone are on two machines (JupyterHub, Colab), `choose_audio()` takes the browser's sound.
# - Code in the older style calls `asyncio.run(main())` in a cell, which Jupyter refuses. Write `await main()`: cells can. If you must keep old code, `from realtime_helpers.course import allow_asyncio_run` and call it first. It uses *nest-asyncio*, which makes asyncio slower in the whole kernel and is archived. Our sessions do not need it: they run on an event loop of their own, in the background.
#
# ## Further reading
#
# - [Troubleshooting](../docs/troubleshooting.md): by what you see
# - [The simulator](../docs/simulator.md): what it does exactly, and what it only imitates
# - [Devices](../docs/devices.md): microphones and speakers of this machine
