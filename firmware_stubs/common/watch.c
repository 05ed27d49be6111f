#include <math.h>
#include <time.h>

#include "bus.h"

double monotonic_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void watch_begin(watch *w, double until_s)
{
    FD_ZERO(&w->readable);
    w->highest = -1;
    w->until_s = until_s;
}

void watch_add(watch *w, int fd)
{
    FD_SET(fd, &w->readable);
    if (fd > w->highest)
        w->highest = fd;
}

void watch_until(watch *w, double until_s)
{
    if (until_s < w->until_s)
        w->until_s = until_s;
}

bool watch_wait(watch *w)
{
    const double left_s = w->until_s - monotonic_s();
    struct timespec limit = {0, 0};

    if (left_s > 0.0) {
        limit.tv_sec = (time_t)floor(left_s);
        limit.tv_nsec = (long)(1e9 * (left_s - floor(left_s)));
    }
    if (pselect(w->highest + 1, &w->readable, NULL, NULL, &limit, NULL) > 0)
        return true;
    FD_ZERO(&w->readable);
    return false;
}
