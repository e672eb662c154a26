"""Whether a text speaks to the user, as an answer does, or about them. Word lists in seven languages; pure.

In this order everywhere: English, French, German, Spanish, Italian, Portuguese, Dutch. Another language is not seen.
"""

from __future__ import annotations

import re


def _any_of(*alternatives: str) -> re.Pattern[str]:
    words = "|".join(alternatives).replace("'", "['’]?")
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


_REFUSAL = _any_of(
    "(?:i'm|i am) (?:sorry|afraid)|sorry|unfortunately,? i|i (?:cannot|can't|can not|won't|do not|don't)|as an ai",
    "(?:je suis )?désolée?|je ne (?:peux|vois)|malheureusement,? je",
    "(?:es )?tut mir leid|leider kann ich|ich kann (?:leider|das|dir|ihnen|nicht)",
    "lo siento|no puedo",
    "mi dispiace|non posso",
    "desculpe|sinto muito|não posso",
    "het spijt me|ik kan (?:helaas|dat|je|niet)",
)
_REPLY = _any_of(
    "sure|certainly|of course|absolutely|no problem|okay,|ok,|yes,|no,|hello|hi|hey|good (?:morning|evening|bye)",
    "thank you|thanks|(?:you're|you are) welcome|glad to|happy to|i'm happy|great question|once upon a time|i heard",
    "let me|here (?:is|are|you)|i am an? (?:ai|language|simulator)|i'm fine|i am fine",
    "bien sûr|bonjour|merci|de rien|il était une fois|avec plaisir|voici",
    "natürlich|gerne|hallo|danke|bitte schön|es war einmal|hier ist",
    "claro|por supuesto|hola|gracias|de nada|érase una vez|había una vez|aquí (?:está|tienes)",
    "certo|certamente|ciao|grazie|prego|c'era una volta|ecco",
    "com certeza|olá|obrigad[oa]|era uma vez|aqui está",
    "natuurlijk|graag gedaan|dank je|bedankt|er was eens|hier is",
)
_THE_TALK = _any_of(
    r"(?:summar|recap|overview|conversation|résum|zusammenfass|gespräch|resum|riassun|riepilog|samenvat|gesprek)\w*",
    r"the user|l'utilisat\w+|de[rn] (?:be)?nutzer\w*|(?:el|la) usuari\w+|l'utente|o usuári\w+|de gebruiker",
)
_YOU = _any_of("you|yours?|vous|votre|vos|ton|tes|dich|dein(?:e[rmns]?)?|usted|tus?|tuo|tua|você|jij|jouw")
_THIRD_PERSON = _any_of(
    "user|assistant|speaker|caller|they|their|he|she|his|her",
    r"utilisat\w+|il|elle|(?:be)?nutzer\w*|assistent\w*|er|sie|usuari\w+|asistente|él|ella",
    r"utente|assistente|lui|lei|usuári\w+|ele|ela|gebruiker|hij|zij",
)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


def opens_as_answer(text: str) -> bool:
    """Whether it begins with a refusal, or with a reply whose first two sentences do not go on about the talk.

    So "Sure! Here is a summary: …" is let through.
    """
    sentences = _sentences(text)
    opening = re.sub(r"^[\W_]+", "", sentences[0]) if sentences else ""
    is_reply = _REPLY.match(opening) and not _THE_TALK.search(" ".join(sentences[:2]))
    return bool(is_reply or _REFUSAL.match(opening))


def speaks_to_the_user(text: str) -> bool:
    """Whether at least half of its sentences say "you", and none says "the user" or "they"."""
    sentences = _sentences(text)
    addressed = sum(bool(_YOU.search(sentence)) for sentence in sentences)
    return bool(sentences) and addressed * 2 >= len(sentences) and not _THIRD_PERSON.search(text)


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]
