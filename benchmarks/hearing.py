"""What the offline recogniser hears: known phrases, and sentences that it does not listen for, by any voice of espeak.

    python benchmarks/hearing.py [--voice en-us+f3]

A known phrase should be heard word for word. Another sentence should not be taken for a known phrase: a wrong word is
seen, a wrong sentence is believed. The phrases and the first forty sentences served to choose when a phrase is trusted
(speech/transcriber_worker.py), the unseen sentences did not.
"""

from __future__ import annotations

import time
from typing import Annotated

import jiwer
import typer

from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.simulator.phrases import PHRASES
from realtime_helpers.speech import USER_VOICE, Transcriber, Voice

FITTED = """
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
"""When a phrase is trusted was chosen on these: what is said of them flatters."""
UNSEEN = """
the bus was late again this morning | put the plates on the table | nobody answered the door
a storm is coming from the west | we sold the car two years ago | please speak a little slower
the report is due on wednesday | he broke his arm while skiing | there are too many cars in this street
could i have the bill please | the film was longer than i expected | my uncle grows tomatoes | she works in a hospital
i would like a window seat | the key is under the mat | our team lost the final | it costs almost fifty dollars
do not forget your passport | the lift is out of order | they are painting the bridge | you should see a dentist
the river is frozen | i have never been to africa | please sign here | the shop opens at nine
he speaks three languages | the baby has a fever | that was not my idea | we ran out of milk | send me the photographs
the garden needs some rain | she bought a green coat | the concert was wonderful
my neighbour plays the trumpet badly | is this seat taken | the train to vienna leaves soon
i want to change my order | my cousin lives near london | tell your brother to hurry | what colour is your car
"""


def main(voice: Annotated[str, typer.Option(help="espeak's name of who speaks.")] = USER_VOICE) -> None:
    """Have everything said and heard once."""
    speaker, transcriber = Voice(), Transcriber(PHRASES)
    transcriber.load()
    for what, sentences in (
        ("known phrases", PHRASES),
        ("other sentences", _split(FITTED)),
        ("unseen sentences", _split(UNSEEN)),
    ):
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


def _split(text: str) -> list[str]:
    return [sentence.strip() for line in text.strip().splitlines() for sentence in line.split("|")]


if __name__ == "__main__":
    typer.run(main)
