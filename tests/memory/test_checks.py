"""What may stand for turns, and what may not: a corpus of good summaries, and one of answers and refusals."""

from __future__ import annotations

import pytest

from realtime_helpers.memory import SIZE_TOLERANCE, SummaryRefusedError, SummaryStyle, check_summary
from realtime_helpers.memory.checks import count_words

from .talks import request

TALK = request(
    ("My dog is called Biscuit and I live in Lisbon.", "Nice to meet you and Biscuit."),
    ("I have an appointment with Doctor Moreau on 14 March at 9:30.", "I will remember the 14th of March at 9:30."),
    ("Tell me a story about a goose in a lighthouse.", "Once upon a time, a goose called Ada kept a lighthouse."),
    ("My locker code is 4711, please keep it.", "I keep 4711 in mind."),
    ("What is my dog called?", "Your dog is called Biscuit."),
)
"""Names and numbers as people type them, or good recognisers write them."""
SPOKEN = request(
    ("my dog is called biscuit and i live in lisbon", "that is good to know"),
    ("i play the violin in an orchestra every thursday evening", "how lovely"),
    ("tell me a story about a goose in a lighthouse", "once upon a time a goose kept a lighthouse"),
    ("my favorite color is green and my brother works as a baker", "green it is"),
    ("can you tell me a joke", "why did the token cross the window"),
)
"""As simple recognisers write it: without capitals, stops and digits."""

GOOD_ANYWHERE = [
    "The user's dog is called Biscuit; they live in Lisbon. The assistant told a story about a goose.",
    "User has a dog (Biscuit), lives in Lisbon, asked for a story about a goose.",
    "- Dog: Biscuit\n- Home: Lisbon\n- Heard a story about a goose in a lighthouse",
    "Sure! Here is a summary of the conversation: the user lives in Lisbon with a dog called Biscuit.",
    "Here is what the user told: a dog called Biscuit, a home in Lisbon.",
    "They talked about Biscuit the dog, Lisbon, and a goose who kept a lighthouse.",
    "Summary of the conversation so far. The user said: “my dog is called biscuit”. “I live in Lisbon”.",
    "Dog Biscuit. Home Lisbon. Story: goose, lighthouse.",
    "I told the user a story about a goose in a lighthouse; the user's dog is Biscuit and their home is Lisbon.",
    "You live in Lisbon with Biscuit. You asked about Moreau, the violin, a goose, your code and your favorite green.",
    "Hello was said. The user then spoke of Biscuit, Lisbon and a lighthouse.",
]
GOOD_IN_ANOTHER_LANGUAGE = [
    ("French", "L'utilisateur vit à Lisbonne avec son chien Biscuit ; rendez-vous le 14 mars à 9:30, casier 4711."),
    ("French", "Chien : Biscuit. Rendez-vous du 14 mars chez le docteur Moreau. Code du casier : 4711."),
    ("French", "Résumé de la conversation jusqu'ici. L'utilisateur a dit : « my dog is called biscuit »."),
    ("German", "Der Nutzer lebt in Lissabon, sein Hund heißt Biscuit. Termin bei Doktor Moreau am 14. März um 9:30."),
    ("Spanish", "El usuario vive en Lisboa, su perro se llama Biscuit y el código de su taquilla es 4711."),
    ("Italian", "L'utente ha un cane, Biscuit, e un appuntamento con il dottor Moreau il 14 marzo alle 9:30."),
    ("Portuguese", "O usuário mora em Lisboa; o cachorro chama-se Biscuit; o código do armário é 4711."),
    ("Dutch", "De gebruiker woont in Lissabon met zijn hond Biscuit en heeft op 14 maart een afspraak."),
    ("Polish", "Użytkownik mieszka w Lizbonie z psem Biscuit; kod do szafki to 4711, wizyta 14 marca."),
    ("Japanese", "利用者はリスボンに住み、犬の名前はビスケット。三月十四日に医者の予約がある。"),
    ("Russian", "Пользователь живёт в Лиссабоне, собаку зовут Бисквит, код шкафчика сообщён помощнику."),
]
ANSWERS = [
    "Sure, your dog is called Biscuit.",
    "Of course! Once there was a goose who lived in a lighthouse near Lisbon.",
    "Your dog is called Biscuit.",
    "You are welcome! Is there anything else I can do?",
    "You're welcome, I am glad I could help.",
    "Hello! What would you like to talk about?",
    "Once upon a time, a goose wanted to cross the sea. She built a lighthouse.",
    "Here is a story about a goose: she kept a lighthouse for years.",
    "I heard: what is my dog called. I am a simulator, so I can only answer that with my own words.",
    "Why did the token cross the window? To be counted on the other side, said the token.",
    "What is the name of your dog? I would love to hear more about it?",
    "Thank you, I will keep that in mind. Your locker code is 4711.",
    "Bien sûr, votre chien s'appelle Biscuit.",
    "Natürlich, dein Hund heißt Biscuit.",
    "Ihr Hund? Gerne! Es war einmal eine Gans, die ein Leuchtturm hatte und sang.",
    "Claro, tu perro se llama Biscuit.",
    "Certo, il tuo cane si chiama Biscuit.",
    "Natuurlijk, jouw hond heet Biscuit.",
    "Biscuit.",
]
REFUSALS = [
    "",
    "   \n",
    "I'm sorry, I can't help with that.",
    "I’m sorry, but I cannot summarise this conversation.",
    "I cannot assist with this request.",
    "As an AI, I do not keep memories of conversations.",
    "Je suis désolé, je ne peux pas résumer cette conversation.",
    "Es tut mir leid, dabei kann ich nicht helfen.",
    "Lo siento, no puedo ayudar con eso.",
]


def refused(text: str, asked: object = TALK, style: SummaryStyle | None = None) -> str | None:
    """The reason; `None` when it is accepted."""
    try:
        check_summary(text, asked, style or SummaryStyle())  # type: ignore[arg-type]
    except SummaryRefusedError as error:
        return str(error)
    return None


@pytest.mark.parametrize("talk", [TALK, SPOKEN], ids=["typed", "spoken"])
@pytest.mark.parametrize("text", GOOD_ANYWHERE)
def test_a_good_summary_passes(text: str, talk: object) -> None:
    assert refused(text, talk) is None


@pytest.mark.parametrize(("language", "text"), GOOD_IN_ANOTHER_LANGUAGE)
def test_a_good_summary_in_another_language_passes(language: str, text: str) -> None:
    assert refused(text, TALK, SummaryStyle(language=language)) is None


@pytest.mark.parametrize("talk", [TALK, SPOKEN], ids=["typed", "spoken"])
@pytest.mark.parametrize("text", [*ANSWERS, *REFUSALS])
def test_an_answer_or_a_refusal_does_not(text: str, talk: object) -> None:
    assert refused(text, talk) is not None


def test_a_summary_of_one_short_turn_may_be_short() -> None:
    assert refused("Ada said hello.", request(("Hello, my name is Ada.", "Hello, Ada."))) is None
    assert refused("Dog: Max", request(("my dog is called max", "Nice."))) is None


def test_the_transcript_given_back_is_refused_and_bullets_of_the_earlier_summary_are_not() -> None:
    assert "given back" in (refused("\n".join(TALK.material.splitlines()[1:4])) or "")
    bullets = "- dog: Biscuit\n- home: Lisbon\n- code 4711"
    assert refused(f"{bullets}\n- a story about a goose", request(("a goose story?", "Yes."), previous=bullets)) is None


def test_the_prompt_given_back_is_refused() -> None:
    style = SummaryStyle()
    assert "instructions" in (refused(style.instructions[:200], TALK, style) or "")
    assert "instructions" in (
        refused("You keep the memory of a long voice conversation between Biscuit and Lisbon") or ""
    )


def test_the_size_is_capped_with_a_tolerance() -> None:
    style = SummaryStyle(max_words=40)
    most = int(40 * SIZE_TOLERANCE)
    assert refused("The user has Biscuit. " + "word " * (most - 4), TALK, style) is None
    assert "61 words where 40" in (refused("The user has Biscuit. " + "word " * (most - 3), TALK, style) or "")


def test_words_are_counted_in_scripts_without_spaces_too() -> None:
    assert count_words("It's Ada, at 9:30.") == 5
    assert count_words("利用者はリスボンに住む") == 5


def test_json_is_held_to_its_schema() -> None:
    style = SummaryStyle(form="json")
    record = (
        '{"synopsis": "The user has a dog.", "facts": ["dog: Biscuit", "home: Lisbon"], "decisions": [], '
        '"open_questions": [], "tool_state": [{"name": "book", "id": "R-7", "note": "table for two"}]}'
    )
    assert refused(style.tidy(f"```json\n{record}\n```"), TALK, style) is None
    assert ": " not in style.tidy(record).replace("dog: ", "").replace("home: ", ""), "compact"
    for wrong in ("The user has a dog called Biscuit.", "{}", record.replace('"id"', '"key"'), f"[{record}]"):
        assert "JSON" in (refused(style.tidy(wrong), TALK, style) or "")
    empty = '{"synopsis":"","facts":[],"decisions":[],"open_questions":[],"tool_state":[]}'
    assert "empty" in (refused(empty, TALK, style) or "")
    answer = empty.replace('""', '"Sure, your dog is called Biscuit."')
    assert "answer" in (refused(answer, TALK, style) or "")
