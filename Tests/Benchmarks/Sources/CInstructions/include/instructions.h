#pragma once
#include <stdbool.h>

// Opens a counter of the instructions that the calling thread executes outside of the kernel from now on; if
// `with_new_threads`, of those of the threads that it starts from now on, too. Read 8 bytes of it for the count.
// Returns -1 if the machine, or who runs it, has no such counters.
int open_instruction_counter(bool with_new_threads);
