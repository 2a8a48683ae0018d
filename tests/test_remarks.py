"""What is remarked on a résumé's text before the interview."""

from __future__ import annotations

import pytest

from interview_fsm.coaching.remarks import remarks
from tests.coach_data import LAYOUTS

FOREIGN = {
    "German": (
        "Krankenpfleger in der Charité, von 2015 bis 2020. Verantwortlich für die Station mit zwölf "
        "Betten, Einführung einer Checkliste für die Übergabe, die das Warten um ein Drittel gesenkt hat. "
        "Ausbildung an der Fachschule für Pflege und bei der Feuerwehr. Kenntnisse mit Word und Excel."
    ),
    "French": (
        "Infirmier à l'hôpital de Lyon. Responsable d'une unité de douze lits, avec les équipes de nuit "
        "et du matin. Mise en place d'une liste pour la transmission, dans le service et sur les étages."
    ),
    "Spanish": (
        "Enfermero en el hospital de Sevilla, responsable de una unidad con doce camas y de los turnos "
        "del fin de semana. Introduje una lista para el cambio de turno con las compañeras de los pisos."
    ),
}


def codes(text: str) -> list[str]:
    return [warning.code for warning in remarks(text)]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_resume_in_another_language_is_told_what_is_served(name: str) -> None:
    (warning,) = remarks(FOREIGN[name])
    assert warning.code == "resume_language"
    assert "in English alone" in warning.message


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_english_one_is_not(name: str) -> None:
    assert "resume_language" not in codes(LAYOUTS[name])


def test_foreign_names_in_an_english_one_do_not_count() -> None:
    address = "12 Rue de la Paix, with friends of the Casa del Mar, y Compañía, Calle de los Reyes. "
    assert codes(address + LAYOUTS["nurse"]) == []
