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
# # Stream a microphone
#
# **Minutes:** 20 to read and run, 10 for the exercise.
#
# ### What you'll do
#
# Follow sound from a microphone to the server and from the server to the ear, break it on purpose in two places, and measure what that does.
#
# ### What you'll learn
#
# - to hand audio from a device's thread to an event loop, and why the obvious way is wrong
# - to choose between losing sound and being late
# - to measure *first sound*, and to buffer a reply against an uneven line (*jitter*)
# - to show captions as they come
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again. No microphone is needed. A **simulator** on this machine takes the time that the real service took when it was recorded; its latencies are estimates.
#
# ---

# %%
from realtime_helpers import RealtimeSession, SilentSink, SpeechSource, captions_text, choose_audio
from realtime_helpers.audio.formats import CHUNK_BYTES
from realtime_helpers.audio.jitter import JitterBuffer
from realtime_helpers.course import choose_server
from realtime_helpers.course.streaming import (
    check_hand_over,
    over_a_slow_line,
    play,
    record_reply,
    uneven_line,
    watch_hand_over,
)
from realtime_helpers.experiments.real_time import RealTimeServer
from realtime_helpers.plots import plot_arrivals
from realtime_helpers.session.outbox import MAX_WAITING_CHUNKS

# %%
settings = choose_server("simulator", turns=2)  # or "openai", "azure": costs the amount shown

# %% [markdown]
# ## From a thread to a loop
#
# A sound card does not wait for Python. Every few milliseconds it calls a function of yours, a *callback*, on a **thread of its own**. The socket to the server lives elsewhere: in an **event loop**, one thread that sleeps until something happens and then does it, step by step.
#
# Between the two stands a **queue**. The callback puts each chunk of sound in; the loop takes it out and sends it. Here is first what many programs do, then what is right:


# %%
def obvious(loop, queue, chunk):  # do not copy this one
    queue.put_nowait(chunk)


def knocking(loop, queue, chunk):
    loop.call_soon_threadsafe(queue.put_nowait, chunk)


# %% [markdown]
# `watch_hand_over` starts a make-believe sound card: a thread that hands over 20 chunks, one every 20 ms. The loop has nothing else to do. After the last chunk it is left alone for a moment, and then woken.
#
# > **Predict, then run.** `obvious` puts each chunk into the queue at once. When does the loop take the first one out: within a millisecond, 20 ms later, or not before something else wakes it?

# %%
naive, safe = watch_hand_over(obvious), watch_hand_over(knocking)
plot_arrivals({"put_nowait from the device's thread": naive.delays, "call_soon_threadsafe": safe.delays})

# %%
for name, arrivals in (("obvious", naive), ("knocking", safe)):
    print(f"{name:<8} {arrivals.by_themselves} of {arrivals.sent} chunks arrived by themselves", end=", ")
    print(f"typical delay {arrivals.median_ms:.1f} ms")
print(f"many times later: {naive.median_ms / safe.median_ms:,.0f} times")

# %% [markdown]
# The chunks *were* in the queue. But nobody told the loop, and it sleeps until somebody knocks. `call_soon_threadsafe` knocks. `put_nowait` does not: `asyncio.Queue` is made for one thread.
#
# The mean part: in a busy program something else wakes the loop all the time, so it seems to work. It fails in quiet moments, and nothing is logged.

# %% tags=["nbval-check-output"]
print("obvious: all arrived by themselves:", naive.by_themselves == naive.sent)
print("knocking: all arrived by themselves:", safe.by_themselves == safe.sent)
print("in the end, nothing was lost:", len(naive.delays) == len(safe.delays) == 20)

# %% [markdown]
# In this course you never write that callback: a `RealtimeSession` lives on a loop of its own, and everything enters it by knocking.
#
# ## A queue needs a bound
#
# Now the network is slow: it needs 50 ms for each 40 ms of sound. Somebody talks for a minute. A queue without a bound loses nothing.
#
# > **Predict, then run.** How late is the last word after one minute: a tenth of a second, one second, or more than ten?

# %%
endless = over_a_slow_line(60, takes_ms=50)
bounded = over_a_slow_line(60, takes_ms=50, bound=MAX_WAITING_CHUNKS)
plot_arrivals({"no bound": endless.delays, f"at most {MAX_WAITING_CHUNKS} wait, the oldest goes": bounded.delays})

# %% tags=["nbval-check-output"]
for name, line in (("no bound", endless), ("bound", bounded)):
    latest_s = max(late for _, late in line.delays) / 1000
    print(
        f"{name:<8} latest chunk {latest_s:4.1f} s late, {line.dropped:>3} dropped, {line.most_waiting:>3} waited at most"
    )

# %% [markdown]
# Without a bound the talk falls behind further with every word, and memory grows. With one, words are lost, *but counted*, and the rest is fresh. In a conversation late is worse than lost.
#
# This bound is the session's own. What had to go is told in `session.snapshot.dropped_chunks`. A file, unlike a microphone, can wait: then nothing is dropped at all. (This line was computed, not measured.)

# %% [markdown]
# ## Stream a question
#
# Now for real. `SpeechSource(realtime=True)` is like an open microphone: a chunk every 40 ms, silence included. `events` collects what goes over the line, with times.
#
# `RealTimeServer` starts a simulator that takes its time. For a real service it changes nothing.

# %%
server = RealTimeServer(settings)
user = SpeechSource(realtime=True)
session = RealtimeSession(settings=server.settings)
events = []
session.watch_events(lambda direction, event, at_s: events.append((direction, event, at_s)))

# %%
session.start(source=user)
user.say("Tell me a quick story.")
now = session.wait_for_answer(1)
reply = record_reply(events)
sent = [event for _, event, _ in events if event["type"] == "input_audio_buffer.append"]

# %% tags=["nbval-check-output"]
print("you:", now.turns[0].user_text)
print("bot:", now.turns[0].assistant_text)

# %%
print(f"{len(sent)} chunks went up, {now.dropped_chunks} were dropped")
print(f"{len(reply.deltas)} pieces came down, {reply.sound_ms / 1000:.1f} s of sound")

# %% [markdown]
# ## First sound
#
# The reply comes in pieces (`response.output_audio.delta`). Many programs collect them all and play when `done` comes. You can also play the first piece when it comes: that is **streaming**.
#
# > **Predict, then run.** Same reply, same times. By how much is the first sound sooner when the program streams: 50 ms, half a second, or more than a second?

# %%
print(f"streaming:      first sound after {reply.first_ms:,.0f} ms")
print(f"play when done: first sound after {reply.done_ms:,.0f} ms, {reply.done_ms - reply.first_ms:,.0f} ms later")

# %% tags=["nbval-check-output"]
print("more than a second sooner:", reply.done_ms - reply.first_ms > 1_000)
print("the whole reply came sooner than it sounds:", reply.done_ms - reply.first_ms < reply.sound_ms)

# %% [markdown]
# (Both figures hold the time that this machine took to recognise your words.)
#
# The second line matters too. Speech comes much *faster* than it sounds: here eight times, a setting of the simulator. (Bursts recorded from the real service in 2026 were faster still.) So a longer answer makes the difference larger, and while one listens, most of the answer lies in a buffer already. Notebook 05 interrupts it there.

# %% [markdown]
# ## Jitter
#
# Now a line that is just fast enough: pieces of 40 ms, one every 40 ms, mostly a little late, now and then held up for a tenth of a second or two. When the loudspeaker wants more than has come, the voice breaks. That is an **underrun**.
#
# The remedy is to wait a little before the first sound, so that something is in hand: a **prebuffer**. Ten seconds of speech, played by the session's own play-head:
#
# > **Predict, then run.** Which prebuffer ends the breaks: 120 ms, 200 ms, or 300 ms? And what is its price?

# %% tags=["nbval-check-output"]
pieces = uneven_line(10, seed=2)
print("prebuffer   first sound   breaks   silence in them")
for prebuffer_ms in (0, 120, 200, 300):
    played = play(pieces, prebuffer_ms=prebuffer_ms)
    print(f"{prebuffer_ms:>6} ms {played.first_ms:>10.0f} ms {played.underruns:>8} {played.gaps_ms:>14.0f} ms")

# %% [markdown]
# The price is paid by *every* reply, at its beginning. Choose the smallest that bridges the usual delay, not the worst one.
#
# Some ways mix up the order as well, such as the one from a browser. A `JitterBuffer` puts numbered chunks in order. What does not come in time is replaced by silence, because the server counts sound to tell the time:

# %% tags=["nbval-check-output"]
buffer = JitterBuffer(patience_ms=80)
for number in (0, 2, 1, 4, 5, 3, 7, 8, 9, 6):
    ready = buffer.add(number, bytes([number + 1]) * CHUNK_BYTES)
    print(f"came {number}, goes on:", [chunk[0] - 1 if any(chunk) else "silence" for chunk in ready])
print(buffer.missing, "replaced by silence,", buffer.late, "came too late")

# %% [markdown]
# ## Captions as they come
#
# `session.watch` shows every change to a function, at most 20 times a second. Here it notes each new line of the captions. The sink now takes as long as a loudspeaker, so the bot's words appear as they are *heard*.

# %%
lines = []


def look(now):
    line = captions_text(now.captions).splitlines()[-1]
    if not lines or lines[-1] != line:
        lines.append(line)


session.use(sink=SilentSink(realtime=True))
look_away = session.watch(look)
user.say("How are you today?")
now = session.wait_for_answer(len(now.turns) + 1)
look_away()
for line in lines[1 :: max(1, len(lines) // 8)]:
    print(line)

# %% tags=["nbval-check-output"]
print(captions_text(now.captions[-2:]))
print("it grew as it was heard:", len(lines) > 4)

# %% [markdown]
# ## With your own microphone
#
# `choose_audio` tries what this machine has. If it finds a microphone and a loudspeaker, run this cell and the one below it, which stops the session. Go back to *Stream a question*, put the line in the comment in the place of `session.start(source=user)`, delete `user.say(...)`, run the cells there again, and ask aloud.

# %%
audio = choose_audio()
print(audio.why)
# session.start(source=audio.source, sink=audio.sink)
# In the browser, make `audio` the last line of this cell: that shows its microphone.

# %%
session.stop()
server.stop()

# %% [markdown]
# ---
#
# ## On your own
#
# Write the callback of a sound card. It runs on the device's thread. It has to
#
# 1. let each chunk arrive at once,
# 2. leave the queue to the loop's thread,
# 3. drop the *oldest* chunk when the queue is full (`queue.full()`), and never raise.
#
# Run both cells as they are first. The check tells you what it saw.


# %% tags=["exercise"]
# solution begins
# stub: def hand_over(loop, queue, chunk):
# stub:     queue.put_nowait(chunk)  # <- yours
def offer(queue, chunk):
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(chunk)


def hand_over(loop, queue, chunk):
    loop.call_soon_threadsafe(offer, queue, chunk)


# solution ends

# %% tags=["self-check"]
check_hand_over(hand_over)

# %% [markdown]
# <details><summary>Hint 1</summary>The loop sleeps. Which of its methods may be called from another thread, and wakes it?</details>
#
# <details><summary>Hint 2</summary><code>loop.call_soon_threadsafe(function, *arguments)</code> runs a function on the loop's thread. It can be one of your own, and that one may do more than put.</details>
#
# <details><summary>Hint 3</summary>Write <code>def offer(queue, chunk)</code>: when the queue is full, <code>queue.get_nowait()</code>; then <code>queue.put_nowait(chunk)</code>. Let <code>hand_over</code> ask the loop to run <code>offer</code>.</details>

# %% [markdown]
# ## Take-aways
#
# - A device's thread does one thing: it knocks at the loop (`call_soon_threadsafe`).
# - Every queue in front of something slow needs a bound, and counts what it drops.
# - Play the first piece when it comes. Against an uneven line, hold back a little, no more.
#
# ## In practice
#
# - Buttons and sliders have the same trap: in current Jupyter their callbacks may run on another thread. In 2026 the same code can work in one version and stall in the next.
# - Keep callbacks of sound devices tiny: copy the chunk, knock, return. No prints, no locks, no network.
# - First sound is what people feel. `session.snapshot.latency` measures it for every turn.
# - Show captions as they are *heard*. As *generated* they run seconds ahead of the voice.
#
# ## Further reading
#
# - [`docs/audio.md`](../docs/audio.md): sources, sinks, and what each does when it cannot keep up
# - [`docs/latency.md`](../docs/latency.md): what is measured, and where the time goes
# - [`docs/browser_audio.md`](../docs/browser_audio.md): the way through a browser, with its numbered chunks
