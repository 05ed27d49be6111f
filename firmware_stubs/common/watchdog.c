#include "watchdog.h"

#include <math.h>

void watchdog_init(watchdog *w, double limit_s)
{
    w->last = 0;
    w->age_s = INFINITY;
    w->limit_s = limit_s;
}

void watchdog_feed(watchdog *w)
{
    w->age_s = 0.0;
}

void watchdog_beat(watchdog *w, uint16_t counter)
{
    if (counter != w->last)
        watchdog_feed(w);
    w->last = counter;
}

void watchdog_tick(watchdog *w, double dt_s)
{
    w->age_s += dt_s;
}

bool watchdog_alive(const watchdog *w)
{
    return w->age_s <= w->limit_s;
}
