/* An energy valve: set-point to position or flow, watchdog with fail position, the branch's hydraulics. Knows nothing
   of sockets or clocks. */
#ifndef VALVE_H
#define VALVE_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator.h"
#include "map.h"
#include "watchdog.h"

/* What it is set up for. */
typedef struct {
    double stroke_s, dead_band_percent, backlash_percent, start_percent;
    double watchdog_s;
    double nominal_flow_l_min; /* wide open at nominal_dp_kpa over valve and branch */
    double nominal_dp_kpa;
    double authority;          /* the valve's share of that drop, wide open */
} valve_settings;

/* What the bus and the bench have written, engineering units. */
typedef struct {
    double setpoint_percent, minimum_percent, maximum_percent;
    enum override_word override;
    enum fail_position fail_position;
    bool flow_control, from_bus;
    double dp_kpa, blocked_percent, analogue_percent;
    bool stuck;
} valve_orders;

typedef struct {
    valve_settings settings;
    valve_orders orders;
    actuator actuator;
    watchdog bus;
    double demand_percent;
    double true_flow_l_min, shown_flow_l_min;
    bool cannot_move, adapting;
    double run[2];             /* the positions an internal run still has to reach */
    int run_left;
} valve;

void valve_init(valve *v, const valve_settings *settings);

/* Set-point or override was written, by whatever value: the bus lives. */
void valve_heard(valve *v);

/* An internal run, or the reset of latched faults. */
void valve_command(valve *v, enum command_word word);
void valve_step(valve *v, double dt_s);

/* The fault register. */
uint16_t valve_faults(const valve *v);

/* Equal-percentage characteristic: free area, 0 to 1, at a lift of 0 to 1. */
double valve_free_area(double lift);

#endif
