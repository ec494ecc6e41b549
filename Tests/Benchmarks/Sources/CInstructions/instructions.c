#include "instructions.h"
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_instruction_counter(bool with_new_threads) {
    struct perf_event_attr counter = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof counter,
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .inherit = with_new_threads,
    };
    return (int)syscall(SYS_perf_event_open, &counter, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}
