#pragma once

// Swift's own module of the C library leaves it out.
#include <sys/timex.h>
