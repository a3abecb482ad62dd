"""Why a room pauses (R4.10): a few reasons that each screen says in its language. Any other stays as it was typed."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "short_break": _("Short break"),
    "ward_round": _("Ward round"),
    "consultation": _("Called to a consultation"),
    "emergency": _("Emergency"),
    "technical_problem": _("Technical problem"),
}


def in_words(reason: str) -> str:
    """A stored reason for the reader."""
    return str(REASONS.get(reason, reason))


def texts() -> dict[str, str | dict[str, str]]:
    """The reasons for a page's texts, by "pause." and their code."""
    return {f"pause.{code}": str(words) for code, words in REASONS.items()}
