"""Which address a limit per address counts by."""

import pytest

from queueboard import addresses


@pytest.mark.parametrize(
    ("noted", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:41234", "192.0.2.7"),
        ("10.0.0.1, 192.0.2.7:41235", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("[2001:db8::7]:41234", "2001:db8::/64"),
        ("[2001:db8::7]", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "198.51.100.1"),
    ],
)
def test_behind_a_proxy_the_address_counts_and_not_the_port_that_is_noted_with_it(settings, noted, counted):
    settings.TRUST_PROXY = True
    assert addresses.counted("198.51.100.1", noted) == counted
