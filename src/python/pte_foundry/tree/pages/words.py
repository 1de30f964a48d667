"""What the pages call things that the index has short names for."""

from __future__ import annotations

PLATFORMS = {
    "android": "Android",
    "ios": "iOS",
    "macos": "macOS",
    "linux": "Linux",
    "windows": "Windows",
    "web": "Web",
}

EVIDENCE = {
    "executed": "the program ran, and its outputs were compared with those of the eager model",
    "interpreted": "an interpreter ran what the program hands to its delegate, and the outputs were compared with "
    "those of the eager model",
    "structural": "the file was inspected and not run",
}

WEIGHTS = {
    "official": "the publisher's checkpoint",
    "substitute": "a checkpoint that stands in for the publisher's",
    "seeded": "a deterministic initialisation without any training: good for trying the build, not for predictions",
}
