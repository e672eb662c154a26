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
# # Take turns and interrupt
#
# **Minutes:** 15 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Let one hesitant sentence be heard under different settings, then cut a story off in the middle and see what the model believes it said.
#
# ### What you'll learn
#
# - to set the dials of *voice activity detection* (VAD): how a server finds the end of your turn
# - when sense or a button is better than silence
# - why *said* and *heard* differ after an interruption, and who keeps the books
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again. A **simulator** on this machine hears and speaks for real. Its turn detection follows the service's arithmetic; its detector is another one, so the exact milliseconds are its own.
#
# ---

# %%
from IPython.display import Audio

from realtime_helpers import (
    PushToTalk,
    RealtimeSession,
    SemanticVAD,
    ServerVAD,
    SessionOptions,
    Settings,
    SilentSink,
    SpeechSource,
)
from realtime_helpers.audio.formats import RATE_HZ, resample, samples_from_pcm
from realtime_helpers.course import choose_server
from realtime_helpers.course.turns import check_patience, hesitant, item_on_server, listen, quieter
from realtime_helpers.plots import plot_turns

# %%
settings = choose_server("simulator", turns=14)  # or "openai", "azure": costs the amount shown

# %% [markdown]
# ## When is a turn over?
#
# People hear that somebody has finished. A server has to guess. The usual guess is **server VAD**: after so many milliseconds of silence (`silence_duration_ms`), the turn is over and the answer begins.
#
# Here is somebody who thinks while they speak. Their pauses are 330 and 700 milliseconds long.

# %%
sentence = hesitant("My favorite color", 330, "is", 700, "green.")
Audio(resample(samples_from_pcm(sentence), RATE_HZ, 8_000), rate=8_000)  # as on a telephone: less to store

# %% [markdown]
# > **Predict, then run.** The same recording is sent three times. The turn ends after 200, 500 and 900 ms of silence. How many turns does the server find each time: 3, 2 and 1? Or 1 each time, since it is one sentence?

# %%
heard = {f"{ms} ms": listen(sentence, ServerVAD(silence_duration_ms=ms), settings) for ms in (200, 500, 900)}
plot_turns(sentence, {name: hearing.spans for name, hearing in heard.items()})

# %%
for name, hearing in heard.items():
    print(name, "of silence:")
    for turn in hearing.turns:
        print(f"   you: {turn.words}\n   bot: {turn.reply}")

# %% [markdown]
# Every end of a turn is an answer. Where the silence is shorter than the pause, the bot answers half a sentence. The last word alone, without the words around it, may not even be understood: recognisers need context too.
#
# ## What patience costs
#
# Then why not always wait 900 ms? Because *every* reply waits as long, also behind those who never hesitate. This is the silence between your last word and the server's decision:

# %% tags=["nbval-check-output"]
for name, hearing in heard.items():
    print(f"{name}: waited {round(hearing.waited_ms, -1):.0f} ms after the last word, {len(hearing.turns)} turn(s)")

# %% [markdown]
# It is a little more than the dial says: sound is looked at in frames of 32 ms, and the detector takes a moment to be sure. The network and the model come on top.
#
# ## Sense instead of silence
#
# **Semantic VAD** asks whether the words *sound finished*. After "my favorite color is" something must follow, so it waits. After a whole sentence it is quick. (The service asks a model. The simulator looks at the last word: "is" goes on, "green" does not.)
#
# > **Predict, then run.** Will semantic VAD find one turn? And will it wait longer or shorter than the 900 ms that server VAD needed?

# %% tags=["nbval-check-output"]
by_sense = listen(sentence, SemanticVAD(), settings)
for turn in by_sense.turns:
    print("you:", turn.words)
print("quicker than 900 ms of silence:", by_sense.waited_ms < heard["900 ms"].waited_ms)

# %% [markdown]
# ## The other dial: threshold
#
# `threshold` (0 to 1, usually 0.5) says how sure the server must be that it hears speech. Noise should start no turn; a quiet voice should.
#
# > **Predict, then run.** The same words, once as loud as before and once 30 decibels quieter, like somebody far from the microphone. Which of the three below will not be heard?

# %% tags=["nbval-check-output"]
words = hesitant("My dog is called Biscuit.")
for name, sound, threshold in (
    ("loud ", words, 0.8),
    ("quiet", quieter(words, by_db=30), 0.5),
    ("quiet", quieter(words, by_db=30), 0.8),
):
    turns = listen(sound, ServerVAD(threshold=threshold), settings).turns
    print(f"{name} voice, threshold {threshold}:", turns[0].words if turns else "nothing was heard")

# %% [markdown]
# A threshold that is too high makes quiet people invisible. There is no error; the bot is just silent. Try noise reduction or another microphone first.
#
# ## A button is never wrong
#
# With **push-to-talk** nobody guesses. Pressing begins the turn, releasing ends it. The pauses do not matter.

# %% tags=["nbval-check-output"]
user = SpeechSource()
with RealtimeSession(settings=settings, options=SessionOptions(turn_detection=PushToTalk())) as session:
    session.start(source=user)
    session.begin_turn()
    user.play(sentence)
    session.end_turn()
    now = session.wait_for_answer(1)
print("you:", now.turns[0].user_text)
print("bot:", now.turns[0].assistant_text)
print("turns:", len(now.turns))

# %% [markdown]
# ## Interrupt a story
#
# Now both sides take real time. The user is like an open microphone, and the sink takes as long as a loudspeaker. You ask for a long story, listen to five words of it, and begin to speak. That is a **barge-in**.
#
# Servers send speech much faster than it sounds. So when you interrupt, most of the story has *arrived*, and little of it was *heard*. The **play-head** knows the difference: it counts the milliseconds that left the loudspeaker.
#
# > **Predict, then run.** The story has more than 150 words. After the first few you interrupt. How many words will the model remember to have said: all, none, or the few you heard?

# %%
user = SpeechSource(realtime=True)
session = RealtimeSession(settings=settings)
events = []
session.watch_events(lambda direction, event, at_s: events.append((direction, event, at_s)))

# %%
session.start(source=user, sink=SilentSink(realtime=True))
user.say("Tell me a long story.")
session.wait_for(
    lambda now: len(now.captions) == 2 and len(now.captions[1].heard.split()) >= 5
)  # five of the bot's words
user.say("Thank you very much.")
now = session.wait_for(lambda now: now.latency.interrupted and now.has_answered(2))
story = next(item for item in now.items if item.role == "assistant")

# %%
print(f"SAID,  {len(story.text.split()):>3} words: {story.text}\n")
print(f"HEARD, {len(story.heard_text.split()):>3} words: {story.heard_text}")

# %% [markdown]
# Said is not heard. If the model kept the whole story in its memory, it would believe that you know the end, and talk about it.
#
# So the session does three things at once when the server reports `speech_started`: it silences the loudspeaker, asks the play-head how many milliseconds of *this* reply were heard, and sends `conversation.item.truncate`. Here it is, and the server's own copy of the reply afterwards:

# %%
truncate = next(event for direction, event, _ in events if event["type"] == "conversation.item.truncate")
on_server = item_on_server(session, story.id)
print("heard, says the play-head:     ", truncate["audio_end_ms"], "ms")
print("received from the server:      ", round(story.audio_ms), "ms")
print("left on the server, its sound: ", round(on_server.audio_ms), "ms")
print("left on the server, its words: ", on_server.transcript)

# %% tags=["nbval-check-output"]
print("the server keeps what was heard, no more:", round(on_server.audio_ms) == truncate["audio_end_ms"])
print("less than half of the story was heard:", story.heard_ms < story.audio_ms / 2)
print("the next turn was answered:", now.turns[1].assistant_text)

# %% [markdown]
# The words on the server are gone altogether: the protocol has no times for words, so after a cut nobody there knows which were heard. The session keeps its own best guess, the share of the text in proportion to time. That is what `HEARD` shows, and what a summary would be written from.
#
# One thing the session does *not* do is cancel the reply: server VAD has done so already. A second cancel that comes late would kill the answer to what you are saying now.

# %%
session.stop()

# %% [markdown]
# > **A note on echo.** A microphone beside a loudspeaker hears the bot, takes it for you, and the bot interrupts itself. Try, in this order: headphones; audio in the browser, which cancels echo; push-to-talk; and last `RealtimeSession(echo_guard=EchoGuard(tail_ms=300))`. The guard makes the microphone deaf while the bot speaks. Its price: nobody can interrupt by speaking.

# %% [markdown]
# ---
#
# ## On your own
#
# Two speakers hesitate: one for 450 ms, one for 600 ms. Find settings with which
#
# 1. each of them is heard as one turn,
# 2. the server decides at most 750 ms after their last word.
#
# The exercise stays on the simulator, whatever you chose above. Run both cells as they are first.

# %% tags=["exercise"]
speakers = [hesitant("I live in", 450, "Lisbon."), hesitant("My favorite color is", 600, "green.")]
# solution begins
# stub: yours = ServerVAD(silence_duration_ms=500)  # <- your number
yours = ServerVAD(silence_duration_ms=680)
# solution ends
hearings = [listen(speaker, yours, Settings.from_environment("simulator")) for speaker in speakers]
for hearing in hearings:
    print([turn.words for turn in hearing.turns], f"waited {hearing.waited_ms:.0f} ms")

# %% tags=["self-check"]
check_patience(hearings, most_wait_ms=750)

# %% [markdown]
# <details><summary>Hint 1</summary>Who is cut off, and how long is their pause? The silence that ends a turn must be longer than that.</details>
#
# <details><summary>Hint 2</summary>The real wait is a little longer than the dial: up to 60 ms here. So 750 on the dial is too much.</details>
#
# <details><summary>Hint 3</summary>Longer than the longest pause, and about 60 ms less than the wait that is allowed: there is room between the two. Then try <code>SemanticVAD()</code> in its place, and compare the waits.</details>

# %% [markdown]
# ## Take-aways
#
# - Silence ends a turn. Too little of it cuts people off; too much delays every single reply.
# - Sense waits for unfinished sentences, a button waits for you.
# - What was *said* is not what was *heard*. The play-head knows, and the server must be told.
#
# ## In practice
#
# - Begin with the defaults. Let real users talk, and look at the pauses where they were cut off.
# - Semantic VAD (`eagerness="low"`) for people who think aloud, such as language learners. Server VAD for numbers read out in groups: a group sounds finished.
# - `interrupt_response=False` lets announcements be heard to the end. `session.interrupt()` on a button works in every mode.
# - A cough counts as speech: the reply stops, because nobody can know in time.
#
# ## Further reading
#
# - [`docs/turn_taking.md`](../docs/turn_taking.md): all three ways, with pictures of who speaks when
# - [`docs/options.md`](../docs/options.md): every dial with its range and default, and six ready profiles
# - [`docs/latency.md`](../docs/latency.md): how fast it falls silent, measured
