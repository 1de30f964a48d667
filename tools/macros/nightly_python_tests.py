"""The BUILD macro `nightly_python_tests`: tests that a glob skips, see `[test-tiers]` in pants.toml."""


def nightly_python_tests(tags=None, **fields):
    """`python_tests` that run for `./pants --tag=nightly test ::`, and if the command line names them.

    `skip_tests` keeps them from Pants' own rules, which know no tiers; the plugin runs them.
    """
    python_tests(tags=["nightly", *(tags or [])], skip_tests=True, **fields)
