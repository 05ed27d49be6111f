#include "sensor.h"

#include <math.h>

void sensor_init(sensor *s, double tau_s)
{
    s->input = 0.0;
    s->filtered = 0.0;
    s->tau_s = tau_s;
    s->age_s = INFINITY;
    s->valid = false;
}

void sensor_write(sensor *s, double value)
{
    s->input = value;
    s->age_s = 0.0;
}

void sensor_tick(sensor *s, double dt_s, double max_age_s)
{
    if (s->age_s > max_age_s) {
        s->valid = false;
    } else if (!s->valid) {
        /* The first value after a broken wire is taken whole: a filter that starts from the old one
           would show a ramp that never was. */
        s->filtered = s->input;
        s->valid = true;
    } else {
        s->filtered += (1.0 - exp(-dt_s / s->tau_s)) * (s->input - s->filtered);
    }
    /* Last, so that a value written just before this tick has age 0 in it. */
    s->age_s += dt_s;
}

long sensor_counts(const sensor *s, double unit_per_count, long low, long high)
{
    double counts = floor(s->filtered / unit_per_count + 0.5);

    if (counts < (double)low)
        return low;
    if (counts > (double)high)
        return high;
    return (long)counts;
}
