/* A motor-driven actuator: a position that follows its demand at a limited rate, and can stick or coast. */
#ifndef ACTUATOR_H
#define ACTUATOR_H

#include <stdbool.h>

typedef struct {
    double position_percent;
    double expected_percent; /* where it would be if it had obeyed: what feedback is compared with */
    double rate_percent_s;
    double mismatch_s; /* how long feedback has been too far from the expected position */
} actuator;

void actuator_init(actuator *a, double position_percent, double full_travel_s);

/* Moves toward the demand (%) over dt_s. A stuck one stays, though its expected position moves on. */
void actuator_move(actuator *a, double demand_percent, double dt_s, bool stuck);

/* Runs down to 0 at the rate of a free-wheeling pump. */
void actuator_coast(actuator *a, double dt_s);

/* True while feedback has been more than 10 % from the expected position for over 2 s. */
bool actuator_mismatch(const actuator *a);

/* Forgets a mismatch: the comparison starts again from where the actuator is. */
void actuator_reset_mismatch(actuator *a);

#endif
