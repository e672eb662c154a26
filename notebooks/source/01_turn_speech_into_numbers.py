# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minutes:
#     exercises: 8
#     teaching: 17
# ---

# %% [markdown]
# # Turn speech into numbers
#
# **Minutes:** 17 to read and run, 8 for the exercise.
#
# ### What you'll do
#
# Say your name as a row of numbers, tear it into pieces, mix them up, and put it together again.
#
# ### What you'll learn
#
# - to read PCM16 at 24 kHz, the sound that the Realtime API speaks
# - to work out how many bytes a second of speech is, and what sending it as text adds
# - to cut sound into chunks without breaking a sample
# - to hear and see what a telephone leaves of it
#
# ### What you'll need
#
# The workshop's package, installed. If the first cell says `No module named 'realtime_helpers'`, run `make lab` in the workshop's folder, or `pip install -e '.[simulator,audio,lab]'` there, and open the notebook again. No server and no key are needed. Loudspeakers or headphones are nice to have.
#
# ---

# %% [markdown]
# ## Speak

# %%
import json
import random

import numpy as np

from realtime_helpers.audio.formats import AUDIO_FORMATS, CHUNK_BYTES, CHUNK_MS, RATE_HZ, chunks_of, duration_ms
from realtime_helpers.course.sound import check_chunks, listen, share_above
from realtime_helpers.plots import plot_quantisation, plot_waveform
from realtime_helpers.protocol import append_audio
from realtime_helpers.speech import Voice

# %% [markdown]
# Put in your own name. A voice made of software says the sentence. (With a microphone: record yourself with any program, and use `pcm = read_sound_file("me.wav")` from `realtime_helpers`.)

# %%
name = "Ada"  # <- yours

voice = Voice()
pcm = voice.speak(f"My name is {name}.").pcm
listen(pcm, "my_name.wav")

# %% [markdown]
# `pcm` is plain bytes. Two bytes are one **sample**: a whole number from -32,768 to 32,767 that says how far the air was pushed at one moment. That is 16 bits, hence **PCM16**. (PCM is *pulse code modulation*, an old word for "a row of samples".)
#
# Here is the loudest moment of your name:

# %%
samples = np.frombuffer(pcm, "<i2")  # "<i2": two bytes a number, the smaller one first
loudest = int(np.abs(samples.astype(int)).argmax())
print("as bytes:  ", pcm[2 * loudest - 8 : 2 * loudest + 8].hex(" "))
print("as numbers:", *samples[loudest - 4 : loudest + 4])

# %%
plot_waveform({"my name": pcm})

# %% [markdown]
# In the picture, 1.0 stands for the largest number there is. **dBFS** counts from it downwards: 0 is that number, and about every 6 less is half of it.
#
# ## Count the bytes
#
# The Realtime API takes PCM16 at one rate only: 24,000 samples a second (24 **kHz**), one channel.
#
# > **Predict, then run.** How large is one minute of it: about 140 kB, 1.4 MB or 2.9 MB?

# %% tags=["nbval-check-output"]
bytes_per_second = RATE_HZ * 2
print(f"a second: {bytes_per_second:,} bytes")
print(f"a minute: {bytes_per_second * 60:,} bytes")

# %% [markdown]
# ## Cut it into chunks
#
# Nobody waits until a sentence is over to send it. Sound goes out in small pieces, **chunks**, while you are still speaking. Ours are 40 ms long. Longer ones add delay. Shorter ones add work: each is a message of its own.

# %% tags=["nbval-check-output"]
print(
    f"{CHUNK_MS} ms = {CHUNK_MS * RATE_HZ // 1000} samples = {CHUNK_BYTES:,} bytes, {1000 // CHUNK_MS} times a second"
)

# %%
chunks = list(chunks_of(pcm))
print(f"{duration_ms(pcm):.0f} ms of sound make {len(chunks)} chunks; the last has {len(chunks[-1]):,} bytes")

# %% [markdown]
# ## Send it as text
#
# Messages of the Realtime API are JSON, which is text, and text cannot hold any byte you like. **base64** writes 3 bytes as 4 harmless letters.
#
# > **Predict, then run.** A chunk has 1,920 bytes. How long is the message that carries it: about 1,950, 2,600 or 3,900 characters?

# %% tags=["nbval-check-output"]
message = json.dumps(append_audio(bytes(CHUNK_BYTES)))
print(message[:70], "...")
print(f"{CHUNK_BYTES:,} bytes became {len(message):,} characters: {len(message) / CHUNK_BYTES - 1:.0%} more")

# %% [markdown]
# base64 alone adds a third; the rest is the JSON around it. A conversation sends that 25 times a second, also while you are silent: somebody has to notice that you begin to speak, and that is the server.
#
# These are bytes, not tokens. The bill counts *time*: one token for 100 ms of your speech, as documented. Notebook 02 measures it.
#
# ## Mix up your name
#
# Each chunk gets a **sequence number**. Then we shuffle them.
#
# > **Predict, then run.** Will you still understand your name? And will it be louder, quieter or just as loud?

# %%
numbered = list(enumerate(chunks))
random.Random(7).shuffle(numbered)
mixed = b"".join(chunk for _, chunk in numbered)
print("order:", *(number for number, _ in numbered))
listen(mixed, "my_name_mixed.wav")

# %% [markdown]
# Your ears tell about the name. It is exactly as loud as before: no sample has changed, only its place. So a level meter notices nothing.
#
# Now put it together again. All that is needed are the numbers.

# %% tags=["nbval-check-output"]
rebuilt = b"".join(chunk for _, chunk in sorted(numbered))
print("the same bytes as at first:", rebuilt == pcm)

# %%
without_two = b"".join(chunk for number, chunk in sorted(numbered) if number not in (4, 5))
plot_waveform({"mixed up": mixed, "rebuilt without chunks 4 and 5": without_two})

# %% [markdown]
# The messages of the Realtime API carry **no** sequence number. A WebSocket keeps the order of what it is given. So the order is yours to keep: one thread sends, and nothing overtakes. A chunk that is lost leaves no hole: what follows moves up, and a sound of 80 ms is gone.
#
# One byte matters, too. Lose a single one, and every sample after it is made of two halves that do not belong together:

# %%
shifted = pcm[1:] + b"\0"
plot_waveform({"one byte late": shifted})

# %% [markdown]
# That is noise, and as loud as it gets. Do not listen to it.
#
# ## Call from a telephone
#
# Telephones use **G.711**: 8,000 samples a second, one byte each. It comes in two kinds: **µ-law** in North America and Japan, **A-law** nearly everywhere else. The Realtime API takes both.

# %% tags=["nbval-check-output"]
for form in AUDIO_FORMATS.values():
    per_second = 1000 * form.bytes_per_ms
    print(
        f"{form.name:<11}{form.rate_hz:>7,} samples a second{per_second:>8,} bytes{per_second / bytes_per_second:>6.0%}"
    )

# %% [markdown]
# A sixth of the bytes. Two things are lost for it.
#
# **High tones.** 8,000 samples a second can hold tones up to 4,000 Hz, half as many. Above that lies much of what tells *s* from *f*. First you hear a sentence whole, then as a telephone leaves it.

# %%
hiss = voice.speak("Sixty-six fresh fish.").pcm
telephone = AUDIO_FORMATS["audio/pcmu"]
called = telephone.to_pcm24k(telephone.from_pcm24k(hiss))
print(f"power above 4,000 Hz: {share_above(hiss, 4_000):.2%} before, {share_above(called, 4_000):.2%} on the telephone")
listen(hiss + called, "telephone.wav")

# %% [markdown]
# **Fine steps.** One byte has 256 values for what were 65,536. The trick of G.711: small steps where it is quiet, large ones where it is loud and nobody hears them.
#
# > **Predict, then run.** With 256 equal steps, each would be 256 high. How high are the smallest ones of µ-law: 8, 64 or 128?

# %%
plot_quantisation()

# %% [markdown]
# Near silence G.711 is finer than plain 8 bits, and that is where an ear is pickiest. Convert only if your line *is* a telephone line: what is lost does not come back. And the bill is the same, since it counts time.

# %%
voice.close()

# %% [markdown]
# ---
#
# ## On your own
#
# Write `cut`: it cuts sound into a list of chunks of 40 ms. Only the last may be shorter, none is empty, and not one byte is lost. (The package has `chunks_of` for that. Do it without.)


# %% tags=["exercise"]
def cut(pcm):
    # solution begins
    # stub: return [pcm]  # one piece: that is not a chunk yet
    size = 24_000 * 40 // 1000 * 2
    return [pcm[begin : begin + size] for begin in range(0, len(pcm), size)]
    # solution ends


# %% tags=["self-check"]
check_chunks(cut)

# %% [markdown]
# <details><summary>Hint 1</summary>How many bytes are 40 ms? Samples a second, times seconds, times bytes a sample.</details>
# <details><summary>Hint 2</summary><code>range(0, len(pcm), size)</code> counts the places where chunks begin.</details>
# <details><summary>Hint 3</summary>A slice that goes beyond the end just stops there: <code>pcm[begin : begin + size]</code> is right for the last chunk, too.</details>

# %% [markdown]
# ## Take-aways
#
# - PCM16 at 24 kHz: two bytes a sample, 48,000 bytes a second, and a third more as base64.
# - Chunks of 40 ms, in order, and never half a sample.
# - G.711 needs a sixth of the bytes, and loses high tones and fine steps. The bill counts time, not bytes.
#
# ## In practice
#
# - `session.start(source=...)` does all of this for you. You need it when something sounds wrong: too fast or too slow is a wrong rate, choppy is lost or mixed chunks, noise is a wrong format or an odd byte.
# - For a telephone line: `SessionOptions(input_format="g711_ulaw", output_format="g711_ulaw")`, or the profile `telephony`.
#
# ## Further reading
#
# - [Audio](../docs/audio.md): sources, sinks, levels, recordings
# - [Options](../docs/options.md): formats of both directions
