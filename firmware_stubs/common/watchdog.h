/* A watchdog on the device's own time: alive while it is fed, by anything or by a counter that changes. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint16_t last;
    double age_s; /* since it was last fed; infinite before the first time */
    double limit_s;
} watchdog;

void watchdog_init(watchdog *w, double limit_s);

/* A sign of life. */
void watchdog_feed(watchdog *w);

/* A written counter; the same value again is no sign of life. */
void watchdog_beat(watchdog *w, uint16_t counter);
void watchdog_tick(watchdog *w, double dt_s);
bool watchdog_alive(const watchdog *w);

#endif
