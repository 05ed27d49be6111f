/* One analogue input: what the bench last wrote, through the input filter, with its age. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>

typedef struct {
    double input;    /* as written last, engineering unit */
    double filtered; /* engineering unit */
    double tau_s;
    double age_s;    /* since the last write; infinite before the first */
    bool valid;      /* the filter has a start value and the input is fresh */
} sensor;

void sensor_init(sensor *s, double tau_s);
void sensor_write(sensor *s, double value);

/* Ages and filters the input; an input older than max_age_s is a broken wire. */
void sensor_tick(sensor *s, double dt_s, double max_age_s);

/* The filtered value as counts of the given size, held inside low..high. */
long sensor_counts(const sensor *s, double unit_per_count, long low, long high);

#endif
