"""All mutants."""

from __future__ import annotations

from mutants.coreml_mutants import COREML_MUTANTS
from mutants.file_mutants import FILE_MUTANTS
from mutants.gpu_mutants import GPU_MUTANTS
from mutants.mutant import Mutant
from mutants.xnnpack_mutants import XNNPACK_MUTANTS

MUTANTS: tuple[Mutant, ...] = (*FILE_MUTANTS, *XNNPACK_MUTANTS, *COREML_MUTANTS, *GPU_MUTANTS)
