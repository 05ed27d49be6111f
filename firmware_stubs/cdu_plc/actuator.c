#include "actuator.h"

#include <math.h>

/* A mismatch above 10 % is a fault in shipped units; the delay rides over one slow reading. */
static const double MISMATCH_PERCENT = 10.0;
static const double MISMATCH_DELAY_S = 2.0;
/* A pump with its drive off runs down in a few seconds, far sooner than a controlled ramp. */
static const double COAST_FULL_SPEED_S = 3.0;

static double toward(double from, double to, double step)
{
    if (to > from + step)
        return from + step;
    if (to < from - step)
        return from - step;
    return to;
}

void actuator_init(actuator *a, double position_percent, double full_travel_s)
{
    a->position_percent = position_percent;
    a->expected_percent = position_percent;
    a->rate_percent_s = 100.0 / full_travel_s;
    a->mismatch_s = 0.0;
}

void actuator_move(actuator *a, double demand_percent, double dt_s, bool stuck)
{
    double step = a->rate_percent_s * dt_s;

    a->expected_percent = toward(a->expected_percent, demand_percent, step);
    if (!stuck)
        a->position_percent = toward(a->position_percent, demand_percent, step);
    if (fabs(a->expected_percent - a->position_percent) > MISMATCH_PERCENT)
        a->mismatch_s += dt_s;
    else
        a->mismatch_s = 0.0;
}

void actuator_coast(actuator *a, double dt_s)
{
    a->position_percent = toward(a->position_percent, 0.0, 100.0 / COAST_FULL_SPEED_S * dt_s);
    a->expected_percent = a->position_percent;
}

bool actuator_mismatch(const actuator *a)
{
    return a->mismatch_s > MISMATCH_DELAY_S;
}

void actuator_reset_mismatch(actuator *a)
{
    a->expected_percent = a->position_percent;
    a->mismatch_s = 0.0;
}
