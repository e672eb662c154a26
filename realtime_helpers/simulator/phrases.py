"""Phrases of the course and of small talk. They tell the recogniser what is likely; they are not recordings.

Opposites belong in pairs: a grammar that knows only 'on' hears 'on' in 'off'.
"""

from __future__ import annotations

_STORIES = [
    f"{opening}{request}{closing}"
    for opening in ("", "now ", "please ")
    for request in (
        "tell me a quick story", "tell me a funny story", "tell me a long story", "tell me a short story",
        "tell me another story", "tell me one more short story", "tell me one more story",
        "tell me three funny ones", "tell me two funny ones", "tell me three funny stories", "tell me a joke",
    )
    for closing in ("", " please")
    if not (opening == "please " and closing)
]  # fmt: skip

_TALK = """
hello, hello there, good morning, how are you, how are you today, what can you do, who are you, thank you
thank you very much, thanks that was great, good bye, stop, wait, yes please, no thank you, what did you say
can you repeat that, what time is it, what is the weather like, turn on the lights, turn off the lights
"""
_MEMORY = """
what language is the summary in, what did i tell you about me, what did i tell you, what do you know about me
what is my name, what is my dog called, what is my cat called, what is my favorite color, what is my favorite food
where do i live, what instrument do i play, what do i play
"""


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.strip().splitlines() for phrase in line.split(",")]


_PETS = ["dog", "cat", "horse"]
_NAMES = ["biscuit", "charlie", "daisy", "max", "oscar", "pepper", "ruby"]
_CITIES = ["lisbon", "london", "paris", "berlin", "madrid", "rome", "chicago", "boston", "oslo", "vienna"]
_COLOURS = ["green", "blue", "red", "yellow", "orange", "purple", "black", "white"]
_INSTRUMENTS = ["piano", "violin", "guitar", "trumpet", "cello", "drums"]

PHRASES: list[str] = [
    *_STORIES,
    *_phrases(_TALK),
    *_phrases(_MEMORY),
    *(f"my {pet} is called {name}" for pet in _PETS for name in _NAMES),
    *(f"i live in {city}" for city in _CITIES),
    *(f"my favorite color is {colour}" for colour in _COLOURS),
    *(f"i play the {instrument}" for instrument in _INSTRUMENTS),
    *(f"what is the weather in {city}" for city in _CITIES),
    *(f"what is the weather in {one} and in {other}" for one in _CITIES[:3] for other in _CITIES[:3] if one != other),
    *(f"what time is it in {city}" for city in _CITIES),
    *(f"remind me to call anna in {minutes} minutes" for minutes in ("five", "ten", "twenty")),
    "what are my reminders",
]
