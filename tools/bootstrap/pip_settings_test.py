from __future__ import annotations

from pathlib import Path

import pytest
from messages import PreparationError
from pip_settings import PYPI, parse_settings


def test_without_settings_the_python_package_index_is_used() -> None:
    settings = parse_settings("", {})
    assert settings.indexes == (PYPI,)
    assert settings.find_links == ()
    assert settings.certificate is None
    assert settings.ignored == ()


def test_extra_indexes_come_after_the_default_one() -> None:
    listing = "global.extra-index-url='\\nhttps://a/simple\\nfile:///b/simple'\n"
    assert parse_settings(listing, {}).indexes == (PYPI, "https://a/simple", "file:///b/simple")


def test_the_environment_wins_over_a_section_and_that_over_global() -> None:
    listing = (
        ":env:.index-url='https://env'\n"
        "install.index-url='https://install'\ninstall.find-links='/install'\n"
        "global.index-url='https://global'\nglobal.find-links='/global'\n"
        "freeze.index-url='https://freeze'\n"
    )
    settings = parse_settings(listing, {})
    assert settings.indexes == ("https://env",)
    assert settings.find_links == ("file:///install",)


def test_an_empty_value_does_not_hide_another() -> None:
    assert parse_settings("global.find-links='/w'\n:env:.find-links=''\n", {}).find_links == (
        "file:///w",
    )


def test_no_index_leaves_find_links_alone() -> None:
    settings = parse_settings("global.no-index='true'\nglobal.find-links='https://h/w'\n", {})
    assert (settings.indexes, settings.find_links) == ((), ("https://h/w",))


def test_find_links_become_urls_and_relative_ones_are_reported() -> None:
    listing = "global.find-links='/a+b file:/c file:///d here'\n"
    settings = parse_settings(listing, {})
    assert settings.find_links == ("file:///a%2Bb", "file:///c", "file:///d")
    assert settings.ignored == ("find-links here (a relative path)",)


def test_settings_that_pants_does_not_get_are_reported() -> None:
    assert parse_settings("global.proxy='http://p'\n", {}).ignored == ("proxy",)


def test_pips_certificate_wins_over_the_variables(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.touch()
    theirs.touch()
    environment = {"REQUESTS_CA_BUNDLE": str(tmp_path / "gone"), "SSL_CERT_FILE": str(theirs)}
    assert parse_settings("", environment).certificate == theirs
    assert parse_settings(f"global.cert='{ours}'\n", environment).certificate == ours


def test_a_certificate_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(PreparationError, match="cert=/gone.pem names no file"):
        parse_settings("global.cert='/gone.pem'\n", {})
