"""Sound files in memory, for the doors and engines that carry audio over HTTP."""

from __future__ import annotations

import io

from ..audio.formats import RATE_HZ, pcm_from_samples, resample


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
        ValueError: It is none of these.
    """
    import soundfile

    try:
        samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(str(error)) from None
    return pcm_from_samples(resample(samples.mean(axis=1), rate_hz, RATE_HZ))
