#pragma once

#include <stddef.h>
#include <stdint.h>

/* "Using libFuzzer as a library" in LLVM's documentation. No header of the toolchain declares it. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*check)(const uint8_t *start, size_t count));
