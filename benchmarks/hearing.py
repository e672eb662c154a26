"""What the offline recogniser hears: known phrases, and sentences that it does not listen for, by any voice of espeak.

    python benchmarks/hearing.py [--voice en-us+f3]

A known phrase should be heard word for word. Another sentence should not be taken for a known phrase: a wrong word is
seen, a wrong sentence is believed.
"""

from __future__ import annotations

import time
from typing import Annotated

import jiwer
import typer

from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.simulator.phrases import PHRASES
from realtime_helpers.speech import USER_VOICE, Transcriber, Voice

OTHERS = """
bring me the big ladder from the cellar | can you close the window please | could you turn the music down a little
do you know how to repair a washing machine | every morning she reads the newspaper | he plays football on sundays
how many people live in this city | i am looking for a present for my mother | i do not understand this question
i forgot my umbrella at the office | i have two brothers and one sister | i lost my keys in the garden
i need a ticket for tomorrow | i think it is going to rain | i would rather have tea than coffee
is there a pharmacy near the hotel | leave the package with the neighbour | let us meet in front of the station
my computer is very slow today | my flight was cancelled yesterday | my phone battery is almost empty
my sister bought a new bicycle last week | our neighbours have a very loud dog | please remember to water the plants
she wants to paint the kitchen yellow | the bread from that bakery is excellent | the cat is hiding under the bed
the children are sleeping already | the doctor told me to drink more water | the meeting was moved to thursday
the museum is closed on mondays | the train leaves at half past seven | there is a problem with my internet connection
they moved to a bigger house in spring | this soup needs a little more salt | turn left after the bridge
we went to the mountains during the summer | what time does the library open | where can i find a good restaurant
would you recommend this book to a friend
"""


def main(voice: Annotated[str, typer.Option(help="espeak's name of who speaks.")] = USER_VOICE) -> None:
    """Have everything said and heard once."""
    others = [sentence.strip() for line in OTHERS.strip().splitlines() for sentence in line.split("|")]
    speaker, transcriber = Voice(), Transcriber(PHRASES)
    transcriber.load()
    for what, sentences in (("known phrases", PHRASES), ("other sentences", others)):
        heard, length_s, hearing_s = [], 0.0, 0.0
        for sentence in sentences:
            pcm = silence(300) + speaker.speak(sentence, voice).pcm + silence(500)
            began_s = time.perf_counter()
            heard.append(transcriber.transcribe(pcm))
            hearing_s += time.perf_counter() - began_s
            length_s += duration_ms(pcm) / 1000
        pairs = list(zip(heard, sentences, strict=True))
        exact = sum(one.text == sentence for one, sentence in pairs)
        wrong = sum(one.source == "phrases" and one.text != sentence for one, sentence in pairs)
        errors = jiwer.wer(sentences, [one.text for one in heard])
        print(
            f"{len(sentences)} {what} by {voice}: {exact} heard word for word, {wrong} taken for another known phrase;"
        )
        print(f"  word error rate {errors:.0%}; hearing takes {hearing_s / length_s:.2f} of real time")
    speaker.close()
    transcriber.close()


if __name__ == "__main__":
    typer.run(main)
