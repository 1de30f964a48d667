"""The BUILD macro `pte_model`: one model, all of its programs, their tests and their bundles."""


def pte_model(
    name,
    builder,
    inputs,
    programs,
    builder_resolve=None,
    task=None,
    labels=None,
    weights=None,
    test=None,
    bounds=None,
    tags=None,
    toolchains=None,
    **common,
):
    """Declare the programs of one model, with a test and a bundle (`<program>_bundle`) of each.

    name: the model's name; the programs are called `<name>_<key>`, their tests `<name>_<key>_test`.
    programs: `[<precision>_]<backend>` to this program's own fields, e.g.
        {"xnnpack": {"max_delegate_calls": 1}, "int8_xnnpack": {}}. The key "test" among them overrides fields of the
        test.
    test: fields of every test of this model, see `./pants help pte_test`; `"tags": ["full"]` leaves them out of
        `./pants test ::`, see `./pants help test-tiers`.
    bounds: like `programs`: what the test of that program allows, thresholds and budgets, e.g.
        {"portable": {"max_abs_difference": 1e-4, "max_planned_memory_ratio": 5.8}}.
    weights: the address of the checkpoint; `:<name>_weights` if left out.
    toolchains: the folder of the backends, e.g. "//toolchains/next" for those of the next ExecuTorch. If left out: the
        present one's, and an older one's for a backend that the present one has no more.
    The other arguments, `common` too, are fields of every program, see `./pants help pte_program`.
    """
    older = {"mps": "//toolchains/executorch_1_4"}
    unknown = set(bounds or {}) - set(programs)
    if unknown:
        raise ValueError(
            f"{name}: `bounds` names programs that `programs` lacks: {', '.join(sorted(unknown))}"
        )
    for key, own in programs.items():
        precision, _, backend = key.rpartition("_")
        fields = {**common, **own}
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
            backend=[f"{toolchains or older.get(backend, '//toolchains')}:{backend}"],
            task=task,
            labels=labels,
            tags=tags,
            **fields,
        )
        own_bounds = (bounds or {}).get(key, {})
        pte_test(
            name=f"{program}_test",
            program=[f":{program}"],
            **{"tags": tags, **(test or {}), **own_test, **own_bounds},
        )
        pte_bundle(name=f"{program}_bundle", program=[f":{program}"], tags=tags)
