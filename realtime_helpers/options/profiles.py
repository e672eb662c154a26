"""Ready options for six kinds of product, with a reason for every value that is not the server's default. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import SettingsError
from .parts import Transcription
from .session_options import SessionOptions
from .show import Row, chosen_values, html_table, shown_value, text_table
from .turn_detection import SemanticVAD, ServerVAD
from .values import nearest

_HEADING = ("option", "value", "why")


@dataclass(frozen=True, repr=False)
class Profile:
    """Options for one kind of product, explained.

    Attributes:
        name: Its key in `PROFILES`.
        purpose: What it is for, in a sentence.
        options: The options. Change some with `options.but(...)`.
        reasons: Why each value was chosen, by the option's name; `turn_detection.threshold` for one inside another.
    """

    name: str
    purpose: str
    options: SessionOptions
    reasons: Mapping[str, str]

    @property
    def _rows(self) -> list[Row]:
        return [
            Row(name, shown_value(value), is_default=False, note=self.reasons.get(name, ""))
            for name, value in chosen_values(self.options)
        ]

    def __repr__(self) -> str:
        return f"<Profile {self.name}: {self.purpose}>"

    def __str__(self) -> str:
        return f"{self.name}: {self.purpose}\n{text_table(self._rows, _HEADING)}"

    def _repr_html_(self) -> str:
        return f"<p><b>{self.name}</b>: {self.purpose}</p>{html_table(self._rows, _HEADING)}"


class Profiles(Mapping[str, Profile]):
    """Profiles by name."""

    def __init__(self, *profiles: Profile) -> None:
        self._profiles = {profile.name: profile for profile in profiles}

    def __getitem__(self, name: str) -> Profile:
        try:
            return self._profiles[name]
        except KeyError:
            raise UnknownProfileError(
                f"There is no profile {name!r}.", nearest(name.replace(" ", "_"), list(self._profiles))
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)

    def __repr__(self) -> str:
        return f"<Profiles {', '.join(self)}>"

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.values()))

    def _repr_html_(self) -> str:
        return "".join(profile._repr_html_() for profile in self.values())


class UnknownProfileError(SettingsError, KeyError):
    """There is no profile of this name."""


PROFILES = Profiles(
    Profile(
        "voice_assistant",
        "questions and short answers, through the loudspeaker of a laptop or a speaker in the room",
        SessionOptions(
            instructions=(
                "You are a helpful voice assistant. Answer in one or two short sentences, in the language you are "
                "spoken to. Never read out lists, links or code; offer to go on where there is more."
            ),
            turn_detection=SemanticVAD(eagerness="auto"),
            noise_reduction="far_field",
            max_output_tokens=1_024,
        ),
        {
            "instructions": "What is heard cannot be skimmed: short sentences, and no lists.",
            "turn_detection": "People think while they ask: an unfinished sentence should be waited for.",
            "turn_detection.eagerness": "Named, although it is the default: this is the dial to try first.",
            "noise_reduction": "The microphone is an arm or a room away.",
            "max_output_tokens": "Some forty seconds of speech: nobody listens to more, and it limits the price.",
        },
    ),
    Profile(
        "customer_service",
        "callers with a concern, a headset or a handset on their side, and facts that must be right",
        SessionOptions(
            instructions=(
                "You work in customer service. Be friendly and brief. Repeat every name, number, date and amount, and "
                "ask whether it is right before you act on it. Say so when you do not know. Promise nothing you were "
                "not told to promise."
            ),
            voice="cedar",
            turn_detection=ServerVAD(silence_duration_ms=700, idle_timeout_ms=15_000),
            noise_reduction="near_field",
            transcription=Transcription(prompt="Order numbers, customer numbers, product names, addresses."),
        ),
        {
            "instructions": "What was misheard is found by repeating it, and costs less than what it would cause.",
            "voice": "A company has one voice; the server's default depends on the model.",
            "turn_detection": "Numbers come with pauses that mean nothing: silence must decide, not sense.",
            "turn_detection.silence_duration_ms": "Longer than the pauses between groups of digits.",
            "turn_detection.idle_timeout_ms": "Callers look for papers: after a while the agent asks.",
            "noise_reduction": "Headsets and handsets are close to the mouth.",
            "transcription": "The words are the record of the call.",
            "transcription.prompt": "What is likely to be said is written down better.",
        },
    ),
    Profile(
        "telephony",
        "a line of the public telephone network, through your provider's media stream",
        SessionOptions(
            instructions=(
                "You are on the telephone. Speak in short sentences, one thing at a time. Read numbers digit by digit. "
                "The line is narrow: ask again when you are not sure what was said."
            ),
            input_format="g711_ulaw",
            output_format="g711_ulaw",
            turn_detection=ServerVAD(threshold=0.6, silence_duration_ms=600, idle_timeout_ms=10_000),
            noise_reduction="near_field",
        ),
        {
            "instructions": "A telephone carries less of the sound and nothing else: no screen, no links.",
            "input_format": "What the line carries (in Europe g711_alaw): converting would only add noise.",
            "output_format": "The same: the provider plays it as it comes.",
            "turn_detection": "Silence is the same in every language and on every line.",
            "turn_detection.threshold": "Lines hum and hiss: a little more certainty before it counts as speech.",
            "turn_detection.silence_duration_ms": "The line's own delay already feels slow: not much more than needed.",
            "turn_detection.idle_timeout_ms": "Dead air on a telephone is taken for a lost call.",
            "noise_reduction": "A handset is close to the mouth, not far: choose far_field for speakerphones.",
        },
    ),
    Profile(
        "interactive_demo",
        "a stage or a stand: strangers, a loud room, and impatience",
        SessionOptions(
            instructions=(
                "You are being shown to an audience. Answer at once, in one sentence, with some wit. If you did not "
                "understand, say what you did understand."
            ),
            turn_detection=ServerVAD(threshold=0.7, silence_duration_ms=300),
            noise_reduction="near_field",
            max_output_tokens=512,
        ),
        {
            "instructions": "One sentence shows more than a speech.",
            "turn_detection": "Quick and predictable: the audience sees that it reacts to the end of speech.",
            "turn_detection.threshold": "The room is loud: only clear speech close by may start a turn.",
            "turn_detection.silence_duration_ms": "Every reply waits this long; strangers ask short questions.",
            "noise_reduction": "Give people a microphone in the hand: a room microphone hears everybody.",
            "max_output_tokens": "A reply that runs away ends after some twenty seconds.",
        },
    ),
    Profile(
        "language_tutor",
        "a learner who looks for words, and must not be interrupted while looking (here: of English)",
        SessionOptions(
            instructions=(
                "You are a patient teacher of English. Use simple words and short sentences. Let the learner finish. "
                "First answer what was said, then repeat at most one mistake in its right form. End with a question."
            ),
            speed=0.85,
            turn_detection=SemanticVAD(eagerness="low"),
            transcription=Transcription(language="en", prompt="A learner speaks slowly, with pauses and mistakes."),
        ),
        {
            "instructions": "One mistake at a time is remembered; five are discouraging.",
            "speed": "Slower than people speak, without the words falling apart.",
            "turn_detection": "A pause in the middle of a sentence is not its end: sense must decide, not silence.",
            "turn_detection.eagerness": "The most patient: up to eight seconds for an unfinished sentence.",
            "transcription": "The words are what learner and teacher look at afterwards.",
            "transcription.language": "An accent may sound like the learner's own language: say which one is meant.",
            "transcription.prompt": "So that hesitation is expected, not smoothed away.",
        },
    ),
    Profile(
        "meeting_notes",
        "listens, writes everything down, and says nothing until it is asked to",
        SessionOptions(
            instructions=(
                "You listen to a meeting and take notes. When you are asked, write them as short bullet points: "
                "decisions, who does what until when, open questions. Add nothing that was not said."
            ),
            output_modality="text",
            turn_detection=ServerVAD(silence_duration_ms=900, create_response=False, interrupt_response=False),
            noise_reduction="far_field",
            transcription=Transcription(prompt="Names of the people, projects and products in this meeting: …"),
        ),
        {
            "instructions": "What the notes are to hold, and that nothing is to be invented.",
            "output_modality": "Notes are read; and text costs a fraction of speech.",
            "turn_detection": "Turns are paragraphs of the minutes here, so silence may divide them.",
            "turn_detection.silence_duration_ms": "Longer turns are better paragraphs; nobody waits for a reply.",
            "turn_detection.create_response": "It answers when asked (session.respond() or send_text), not the room.",
            "turn_detection.interrupt_response": "Notes under way must not stop because somebody speaks.",
            "noise_reduction": "One microphone on the table for everybody.",
            "transcription": "The words are the product.",
            "transcription.prompt": "Put your names here: they are what a transcriber mishears.",
        },
    ),
)
"""The profiles by name. Use one with `RealtimeSession(options=PROFILES["telephony"].options)`."""
