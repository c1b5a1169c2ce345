"""URLs without what opens a door."""

import pytest

from envkit.urls import holds_credentials, redacted, without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pip from https://bob:s3cret@mirror.example/simple", "pip from https://*****@mirror.example/simple"),
        (
            "https://token@mirror.example/a https://x:y@b.example",
            "https://*****@mirror.example/a https://*****@b.example",
        ),
        ("http://bob@corp:s3@cret@mirror.example/", "http://*****@mirror.example/"),
        ("https://mirror.example/simple?a=b&token=s3cret", "https://mirror.example/simple?a=b&token=*****"),
        ("https://conda.example/t/tk-12/main", "https://conda.example/t/*****/main"),
        ("http://me:s3cret@127.0.0.1:9/t/tk-12/main", "http://*****@127.0.0.1:9/t/*****/main"),
    ],
)
def test_credentials_are_starred(text, shown):
    assert redacted(text) == shown
    assert holds_credentials(text)


@pytest.mark.parametrize("text", ["/tmp/t/env/bin/python", "https://mirror.example/simple", "me@example.com", ""])
def test_what_holds_none_stays_as_it_is(text):
    assert redacted(text) == text
    assert not holds_credentials(text)


def test_a_url_as_a_label_has_none():
    assert without_credentials("https://bob:s3cret@mirror.example/simple/") == "https://mirror.example/simple"
