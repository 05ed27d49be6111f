#include "actuator.h"

#include <math.h>

/* Long enough for a stiff start, short beside any stroke. */
static const double NOTICE_S = 5.0;

void actuator_init(actuator *a, double position_percent, double stroke_s, double dead_band_percent,
                   double backlash_percent)
{
    *a = (actuator){.gear_percent = position_percent, .stem_percent = position_percent,
                    .rate_percent_s = 100.0 / stroke_s, .dead_band_percent = dead_band_percent,
                    .backlash_percent = backlash_percent};
}

static double toward(double from, double to, double step)
{
    if (to > from + step)
        return from + step;
    if (to < from - step)
        return from - step;
    return to;
}

/* The gear takes the stem along at either end of its play. At the end stops the seat holds both. */
static void drag_stem(actuator *a)
{
    const double play = 0.5 * a->backlash_percent;

    if (a->gear_percent <= 0.0 || a->gear_percent >= 100.0) {
        a->stem_percent = a->gear_percent;
        return;
    }
    a->stem_percent = fmin(fmax(a->stem_percent, a->gear_percent - play), a->gear_percent + play);
}

void actuator_move(actuator *a, double demand_percent, double dt_s, bool stuck)
{
    const double target = fmin(fmax(demand_percent, 0.0), 100.0);
    const double off = fabs(target - a->gear_percent);
    const bool to_the_end = target <= 0.0 || target >= 100.0;

    /* Starts outside the dead band, stops on the target: the motor does not hunt after each digit. */
    a->moving = off > 0.0 && (a->moving || to_the_end || off > a->dead_band_percent);
    if (a->moving && stuck) {
        a->held_s += dt_s;
        return;
    }
    a->held_s = 0.0;
    if (!a->moving)
        return;
    a->gear_percent = toward(a->gear_percent, target, a->rate_percent_s * dt_s);
    a->moving = a->gear_percent != target;
    drag_stem(a);
}

bool actuator_cannot_move(const actuator *a)
{
    return a->held_s > NOTICE_S;
}
