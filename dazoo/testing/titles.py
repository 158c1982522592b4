"""The clauses of each kind by name, and the modules that hold them."""

from __future__ import annotations

from collections.abc import Mapping


HOMES = {
    "plugin": "dazoo.testing.of_plugins",
    "backbone": "dazoo.testing.of_backbones",
    "gan": "dazoo.testing.of_gans",
    "bridge": "dazoo.testing.of_bridges",
    "method": "dazoo.testing.of_methods",
    "dataset": "dazoo.testing.of_datasets",
    "scenario": "dazoo.testing.of_scenarios",
    "augmentation": "dazoo.testing.of_augmentations",
    "validator": "dazoo.testing.of_validators",
    "executor": "dazoo.testing.of_executors",
    "logger": "dazoo.testing.of_loggers",
    "entry": "dazoo.testing.of_entries",
}
"""Module of each kind's own clauses. They are imported when a clause runs: collecting tests needs no torch."""

SHARED = "dazoo.testing.of_components"
"""Module of the clauses that kinds share: given what the kind's `builds` make, one after another, in place of settings."""

_TRAINS = (
    "phases_train_known_groups",
    "settings_are_known",
    "terms_are_finite_named_scalars",
    "each_phase_changes_what_it_names_and_nothing_else",
    "critic_and_backbone_both_learn",
    "reads_what_it_says",
    "leaves_the_batch_alone",
    "takes_batches_of_different_sizes",
    "trains_in_bf16",
    "seed_fixes_the_step",
    "leaves_the_seed_alone",
    "state_survives_a_checkpoint",
)
"""Clauses of whatever trains through phases."""

TITLES: Mapping[str, tuple[str, ...]] = {
    "plugin": (
        "loads",
        "loads_quickly_and_quietly",
        "imports_nothing_heavy",
        "keeps_to_the_hooks",
        "names_are_its_own",
        "targets_resolve",
        "says_what_it_brings",
    ),
    "backbone": (
        "builds_from_defaults",
        "gives_the_shapes_at_any_size",
        "class_map_is_the_classifier_at_each_place",
        "parts_into_body_and_head",
        "gradient_reaches_every_parameter",
        "leaves_its_input_alone",
        "is_deterministic_in_eval_mode",
        "survives_safetensors",
        "survives_copy_and_pickle",
        "seed_fixes_the_weights",
        "says_what_it_wants",
        "is_rebuilt_without_fetching",
        "trains_in_bf16",
        "seed_fixes_the_step",
        "leaves_the_seed_alone",
        "state_survives_a_checkpoint",
    ),
    "gan": (
        "builds_from_a_problem",
        "declares_what_it_takes",
        "draws_pictures_in_range",
        "draws_what_it_is_asked_for",
        "judges_pictures",
        *_TRAINS,
    ),
    "bridge": (
        "builds_from_a_problem",
        "declares_what_it_feeds",
        "draws_pictures_in_range",
        "extends_the_source_batch",
        *_TRAINS,
    ),
    "method": ("builds_from_a_problem", *_TRAINS),
    "dataset": (
        "builds_and_says_what_it_is",
        "says_when_it_is_missing",
        "loads_both_splits",
        "names_classes_in_the_order_of_the_labels",
        "gives_the_same_pictures_each_time",
        "keeps_train_and_test_apart",
    ),
    "scenario": (
        "builds_from_data_sets_that_are_known",
        "classes_match",
        "settings_are_known",
        "loads_both_sides",
    ),
    "augmentation": (
        "builds_from_defaults",
        "gives_images_like_those_it_takes",
        "seed_fixes_the_views",
        "draws_for_each_image",
    ),
    "validator": (
        "builds_from_defaults",
        "gives_a_finite_number",
        "repeats_itself",
        "leaves_its_evidence_alone",
        "says_whether_it_reads_the_source",
    ),
    "executor": (
        "nothing_to_do_is_done",
        "runs_every_job_once_in_a_process_of_its_own",
        "says_what_went_wrong",
        "a_stopped_job_has_no_error",
        "runs_as_many_at_a_time_as_it_is_told",
        "closing_stops_what_runs",
    ),
    "logger": (
        "takes_every_event",
        "takes_a_run_that_goes_on",
        "takes_odd_values",
    ),
    "entry": (
        "is_whole",
        "is_called_like_its_recipe",
        "answers_as_when_it_was_saved",
    ),
}
"""The clauses of each kind, in the order in which their failures are best read. When the first fails, the later ones say nothing new."""
