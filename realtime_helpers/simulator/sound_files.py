"""Sound files in memory, for the doors and engines that carry audio over HTTP."""

from __future__ import annotations

import io

from ..audio.formats import RATE_HZ, pcm_from_samples, resample

MOST_SECONDS = 1800
_MOST_CHANNELS = 2


def wav_from_pcm(pcm: bytes) -> bytes:
    """A WAV file of PCM16, 24 kHz, mono."""
    import numpy as np
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(pcm, "<i2"), RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def pcm_from_file(data: bytes) -> bytes:
    """PCM16, 24 kHz, mono, of a WAV, FLAC or OGG file; channels are mixed.

    Raises:
        ValueError: It is none of these, or too long.
    """
    import soundfile

    try:
        about = soundfile.info(io.BytesIO(data))
        if about.duration > MOST_SECONDS or about.channels > _MOST_CHANNELS:  # a small file can hold hours of silence
            raise ValueError(f"It may have at most {MOST_SECONDS // 60} minutes and {_MOST_CHANNELS} channels.")
        samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(str(error)) from None
    return pcm_from_samples(resample(samples.mean(axis=1), rate_hz, RATE_HZ))
