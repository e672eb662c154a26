"""The sentences that the built-in summariser puts around quotations, in seven languages."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The sentences of one language.

    Attributes:
        head: Begins a summary.
        user: Stands before what the user said.
        assistant: Stands before what the assistant said.
        tool: Stands before what functions returned.
        marks: Around a quotation.
    """

    head: str
    user: str
    assistant: str
    tool: str
    marks: tuple[str, str]

    def quoted(self, quote: str) -> str:
        """A quotation as a sentence of its own."""
        return f"{self.marks[0]}{quote}{self.marks[1]}."


FRAMES = {
    "English": Frame(
        "Summary of the conversation so far.", "The user said:", "The assistant said:", "Tools answered:", ("“", "”")
    ),
    "French": Frame(
        "Résumé de la conversation jusqu'ici.", "L'utilisateur a dit :", "L'assistant a dit :",
        "Les outils ont répondu :", ("« ", " »"),
    ),
    "German": Frame(
        "Zusammenfassung des Gesprächs bisher.", "Der Nutzer hat gesagt:", "Der Assistent hat gesagt:",
        "Die Werkzeuge haben geantwortet:", ("“", "”"),
    ),
    "Spanish": Frame(
        "Resumen de la conversación hasta ahora.", "El usuario dijo:", "El asistente dijo:",
        "Las herramientas respondieron:", ("«", "»"),
    ),
    "Italian": Frame(
        "Riassunto della conversazione fino a qui.", "L'utente ha detto:", "L'assistente ha detto:",
        "Gli strumenti hanno risposto:", ("«", "»"),
    ),
    "Portuguese": Frame(
        "Resumo da conversa até agora.", "O usuário disse:", "O assistente disse:", "As ferramentas responderam:",
        ("«", "»"),
    ),
    "Dutch": Frame(
        "Samenvatting van het gesprek tot nu toe.", "De gebruiker zei:", "De assistent zei:",
        "De hulpmiddelen antwoordden:", ("“", "”"),
    ),
}  # fmt: skip


def _any_of(part: str) -> str:
    return "|".join(re.escape(getattr(frame, part)) for frame in FRAMES.values())


MARKS = re.compile(
    rf"(?P<head>{_any_of('head')})|(?P<user>{_any_of('user')})|(?P<assistant>{_any_of('assistant')})"
    rf"|(?P<tool>{_any_of('tool')})|(?:«\s*|“)(?P<quote>[^«»“”]+?)(?:\s*»|”)"
)
"""Everything that a summary of ours is made of; the name of the group says what was found."""
