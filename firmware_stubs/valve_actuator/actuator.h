/* Motor, gear and stem: a stroke time, a dead band in which the motor rests, and play between gear and stem. */
#ifndef ACTUATOR_H
#define ACTUATOR_H

#include <stdbool.h>

typedef struct {
    double gear_percent; /* what the position feedback shows */
    double stem_percent; /* where the valve truly is: behind the gear by up to half the backlash */
    double rate_percent_s, dead_band_percent, backlash_percent;
    bool moving;
    double held_s;       /* how long the motor has been asked to move and has not */
} actuator;

void actuator_init(actuator *a, double position_percent, double stroke_s, double dead_band_percent,
                   double backlash_percent);

/* Moves toward the demand (%) over dt_s. A stuck motor stays. */
void actuator_move(actuator *a, double demand_percent, double dt_s, bool stuck);

/* True once the motor has been held for longer than it takes to notice. */
bool actuator_cannot_move(const actuator *a);

#endif
