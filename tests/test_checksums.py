"""Check digits agree with python-stdnum, which is written by others, and with numbers that standards publish."""

import datetime
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tuneward.scorers import checksums

stdnum = pytest.importorskip("stdnum")
from stdnum import iban as their_iban  # noqa: E402
from stdnum import luhn as their_luhn  # noqa: E402
from stdnum.br import cpf as their_cpf  # noqa: E402
from stdnum.cn import ric as their_resident  # noqa: E402
from stdnum.de import idnr as their_tax  # noqa: E402
from stdnum.es import dni as their_dni  # noqa: E402
from stdnum.es import nie as their_nie  # noqa: E402
from stdnum.fr import nir as their_nir  # noqa: E402
from stdnum.gb import nhs as their_nhs  # noqa: E402
from stdnum.in_ import aadhaar as their_aadhaar  # noqa: E402
from stdnum.us import ssn as their_ssn  # noqa: E402

FEW = settings(deadline=None, max_examples=150)


def digits(n: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=n, max_size=n)


@FEW
@given(st.text("0123456789", min_size=2, max_size=19))
def test_luhn_is_theirs(number: str) -> None:
    assert checksums.luhn(number) == their_luhn.is_valid(number)


@FEW
@given(st.sampled_from(["4", "51", "55", "2221", "2720", "34", "37", "6011", "36", "3528", "62"]), digits(14))
def test_one_last_digit_in_ten_makes_a_card(issuer: str, more: str) -> None:
    length = {"34": 15, "37": 15, "36": 14}.get(issuer, 16)
    body = (issuer + more)[: length - 1]
    assert [checksums.card(body + d) for d in "0123456789"] == [their_luhn.is_valid(body + d) for d in "0123456789"]


@FEW
@given(digits(14), st.sampled_from(["BANK", "TEST", "NONE"]), st.integers(0, 99))
def test_account_numbers_are_theirs(body: str, bank: str, check: int) -> None:
    number = f"GB{check:02d}{bank}{body}"
    given_out = 2 <= check <= 98  # ISO 13616; the library takes 00, 01 and 99 as well, which say the same as 97, 98, 02
    assert checksums.iban(number) == (given_out and their_iban.is_valid(number))
    assert checksums.iban(their_iban.validate(f"GB{their_iban.calc_check_digits('GB00' + bank + body)}{bank}{body}"))


@FEW
@given(digits(9))
def test_social_security_numbers_are_theirs(number: str) -> None:
    assert checksums.us_ssn(number) == their_ssn.is_valid(number)


@FEW
@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2020, 1, 1)), digits(3), st.sampled_from("0123456789X"))
def test_resident_numbers_are_theirs(day: datetime.date, order: str, check: str) -> None:
    number = f"110105{day:%Y%m%d}{order}{check}"
    assert checksums.resident(number) == their_resident.is_valid(number)


@FEW
@given(digits(10))
def test_nhs_numbers_are_theirs(number: str) -> None:
    for last in "0123456789":
        assert checksums.nhs(number[:9] + last) == their_nhs.is_valid(number[:9] + last)


@FEW
@given(digits(8), st.sampled_from(string.ascii_uppercase))
def test_dni_and_nie_are_theirs(number: str, letter: str) -> None:
    assert checksums.dni(number + letter) == their_dni.is_valid(number + letter)
    for first in "XYZ":
        assert checksums.dni(first + number[1:] + letter) == their_nie.is_valid(first + number[1:] + letter)


@FEW
@given(digits(9), digits(2))
def test_cpf_is_theirs_but_for_one_digit_repeated(body: str, check: str) -> None:
    assume(len(set(body)) > 1)
    assert checksums.cpf(body + check) == their_cpf.is_valid(body + check)
    good = body + their_cpf.calc_check_digits(body) if hasattr(their_cpf, "calc_check_digits") else None
    assert good is None or checksums.cpf(good)


@FEW
@given(st.permutations("0123456789"), st.integers(0, 8), st.integers(0, 8), digits(1))
def test_tax_numbers_are_theirs(order: list[str], one: int, other: int, check: str) -> None:
    body = list(order)
    body[one] = body[other]
    assume(body[0] != "0")
    number = "".join(body) + check
    assert checksums.german_tax(number) == their_tax.is_valid(number)


@FEW
@given(digits(11))
def test_aadhaar_is_theirs(body: str) -> None:
    for last in "0123456789":
        assert checksums.aadhaar(body + last) == their_aadhaar.is_valid(body + last)


@FEW
@given(
    st.sampled_from("12"), st.integers(0, 99), st.integers(1, 12), st.sampled_from(["75", "2A", "2B", "99"]), digits(6)
)
def test_nir_is_theirs(sex: str, year: int, month: int, place: str, order: str) -> None:
    body = f"{sex}{year:02d}{month:02d}{place}{order}"
    good = their_nir.calc_check_digits(body)
    assert checksums.nir(body + good)
    assert not checksums.nir(f"{body}{int(good) % 97 + 1:02d}")


@pytest.mark.parametrize(
    "check",
    [
        checksums.card,
        checksums.iban,
        checksums.us_ssn,
        checksums.resident,
        checksums.nhs,
        checksums.dni,
        checksums.cpf,
        checksums.german_tax,
        checksums.aadhaar,
        checksums.nir,
    ],
)
@pytest.mark.parametrize("text", ["", "0", "abc", "١٢٣٤٥٦٧٨٩", "4111 1111", "X" * 18, "²" * 16, "1" * 40])
def test_what_is_no_such_number_is_none_and_raises_nothing(check: object, text: str) -> None:
    assert callable(check)
    assert check(text) is False


@pytest.mark.parametrize("number", ["440524188001010014", "11010519491231002X"])
def test_the_examples_of_the_chinese_standard_hold(number: str) -> None:
    assert checksums.resident(number)
    assert not checksums.resident(number[:-1] + ("4" if number[-1] != "4" else "5")) or number[-1] == "4"
