/* The heartbeat watchdog: alive while the peer's counter keeps changing. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint16_t last;
    double age_s; /* since the counter last changed; infinite before the first change */
    double limit_s;
} watchdog;

void watchdog_init(watchdog *w, double limit_s);

/* A written counter; the same value again is no sign of life. */
void watchdog_beat(watchdog *w, uint16_t counter);
void watchdog_tick(watchdog *w, double dt_s);
bool watchdog_alive(const watchdog *w);

#endif
