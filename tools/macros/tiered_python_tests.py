"""BUILD macros of `python_tests` that a glob skips, see `[test-tiers]` in pants.toml.

`skip_tests` keeps them from Pants' own rules, which know no tiers; the plugin runs them.
"""


def full_python_tests(tags=None, **fields):
    """Tests that take long: `./pants test ::` leaves them out, a narrower glob and `.ci/run` run them."""
    python_tests(tags=["full", *(tags or [])], skip_tests=True, **fields)


def nightly_python_tests(tags=None, **fields):
    """Tests that run for `./pants --tag=nightly test ::`, and if the command line names them."""
    python_tests(tags=["nightly", *(tags or [])], skip_tests=True, **fields)
