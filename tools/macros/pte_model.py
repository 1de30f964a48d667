"""The BUILD macro `pte_model`: one model, all of its programs and their tests."""


def pte_model(
    name,
    builder,
    inputs,
    programs,
    builder_resolve=None,
    labels=None,
    weights=None,
    test=None,
    tags=None,
):
    """Declare the programs of one model.

    name: the model's name; the programs are called `<name>_<key>`, their tests `<name>_<key>_test`.
    programs: `[<precision>_]<backend>` to the fields that this program has of its own, e.g.
        {"xnnpack": {"max_delegate_calls": 1}, "int8_xnnpack": {}}. The key "test" in there overrides fields of the test.
    test: fields of every test of this model, see `./pants help pte_test`.
    weights: the address of the checkpoint; `:<name>_weights` if left out.
    The other arguments are fields of every program, see `./pants help pte_program`.
    """
    for key, own in programs.items():
        precision, _, backend = key.rpartition("_")
        fields = dict(own)
        own_test = fields.pop("test", {})
        if precision:
            fields["precision"] = precision
        program = f"{name}_{key}"
        pte_program(
            name=program,
            model=name,
            weights=[weights or f":{name}_weights"],
            builder=[builder],
            builder_resolve=builder_resolve,
            inputs=inputs,
            backend=[f"//toolchains:{backend}"],
            labels=labels,
            tags=tags,
            **fields,
        )
        pte_test(
            name=f"{program}_test",
            program=[f":{program}"],
            **{"tags": tags, **(test or {}), **own_test},
        )
